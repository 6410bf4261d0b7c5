# Lists the recipes.
default:
    @just --list

# Everything that has to pass before a change lands.
ci:
    .ci/run

# All tests.
test:
    cargo test

# The tests with tools beside Rust, which `.ci/run` installs: a second validator, clients that others wrote, a browser,
# Locust, Kubernetes' schemas.
other-tools:
    cargo test --features other-tools --test other_validators --test real_clients --test browser --test locust --test deploy \
      --test other_readers

# The main job, on the embedded reference server.
run scenario="scenarios/support-desk.yaml":
    cargo run --release -- run {{scenario}}

# Certifies the embedded reference server in all dialects.
certify *arguments:
    cargo run --release -- certify {{arguments}}

# Certification against every defect; writes docs/kill-matrix.md. Takes long.
kill-matrix:
    KILL_MATRIX=all CARGO_PROFILE_TEST_OPT_LEVEL=1 cargo test --test kill_matrix

# Certification of the clean server over twenty seeds, with and without every hardship. Takes long.
seeds:
    SEEDS=20 CARGO_PROFILE_TEST_OPT_LEVEL=1 cargo test --test clean_server

# Formats and lints.
lint:
    cargo fmt
    cargo clippy --all-targets --features other-tools -- -D warnings

# Micro-benchmarks: the cost of a message, of a validation, of a record.
bench:
    cargo bench

# Fuzzes a target for some seconds; CONTRIBUTING.md has the list.
fuzz target seconds="120":
    fuzz/run {{target}} {{seconds}}

# CPU per 100k round trips and memory per idle session.
roundtrips:
    benches/roundtrips.sh

# Writes the expected outputs anew; read the difference afterwards.
goldens:
    UPDATE=1 cargo test --test broken --test spec
    INSTA_UPDATE=always cargo test report

//! Who may ask a server of ours that is meant for this machine only.

use std::net::{IpAddr, SocketAddr};

/// Whether a `Host` header names this machine by its address, or as everybody does. A web page can have its own name stand for this machine
/// all of a sudden, and then ask as if it belonged here; but it asks under that name.
pub fn names_this_machine(host: &str) -> bool {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
    let addr = host.parse::<SocketAddr>().ok().map(|addr| addr.ip()).or_else(|| bare(host));
    host.split(':').next() == Some("localhost") || addr.is_some_and(|addr| addr.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_the_common_name_are_this_machine() {
        for host in ["127.0.0.1", "127.0.0.1:80", "127.9.9.9:1", "localhost", "localhost:8089", "[::1]", "[::1]:8089"] {
            assert!(names_this_machine(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:8089", "localhost.evil.example", "10.0.0.1:80", "[fe80::1]:80"] {
            assert!(!names_this_machine(host), "{host}");
        }
    }
}

//! The arguments of `chatproof proxy`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::cli::arguments::duration;
use crate::proxy::{Fault, Hardship};

#[derive(Debug, Args)]
pub(in crate::cli) struct ProxyArguments {
    /// The server to stand before, such as https://api.example.com.
    #[arg(long, value_name = "URL")]
    pub upstream: String,
    /// Where to listen for clients.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// PEM file with certificate authorities that may vouch for the server, beside those of the web.
    #[arg(long, value_name = "FILE")]
    pub upstream_ca: Option<PathBuf>,
    /// How long to relay, such as 30s or 5m; by default until Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,

    /// Refuse requests that are not what the documents ask for with the error `validation`; the server never sees them.
    #[arg(long)]
    pub enforce: bool,
    /// Do something hard to clients that the documents allow a server. May be repeated; `all` is all of them.
    #[arg(long, value_name = "NAME", value_parser = several(Hardship::ALL, Hardship::name, Hardship::about))]
    pub hardship: Vec<&'static [Hardship]>,
    /// Let something go wrong that clients should survive. May be repeated; `all` is all of them.
    #[arg(long, value_name = "NAME", value_parser = several(Fault::ALL, Fault::name, Fault::about))]
    pub fault: Vec<&'static [Fault]>,
    /// Seed of the chance in hardships and faults.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Tell in the end what the clients were shown to cope with.
    #[arg(long)]
    pub checklist: bool,
    /// Keep everything that passes in this file, without secrets, to check it again with `chatproof check`.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Folder for the reports; by default reports/runs/<time>-proxy/.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Read the protocol data from this folder instead of the binary.
    #[arg(long, value_name = "DIR")]
    pub schemas: Option<PathBuf>,
}

/// A name of the list, or `all`.
fn several<T: Copy + Send + Sync + 'static>(
    list: &'static [T],
    name: fn(T) -> &'static str,
    about: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = &'static [T]> {
    let values = list.iter().map(move |item| PossibleValue::new(name(*item)).help(about(*item)));
    let all = PossibleValue::new("all").help("All of these.");
    PossibleValuesParser::new(values.chain([all])).map(move |wanted| {
        let place = list.iter().position(|item| name(*item) == wanted);
        place.map_or(list, |place| &list[place..=place])
    })
}

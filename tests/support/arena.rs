//! Certification inside the test's own process, against the reference server.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use chatproof::certify::{Case, Place, Venue};
use chatproof::engine::Credentials;
use chatproof::protocol::Protocol;
use chatproof::reference::{Defect, Hardship, Server, ServerOptions, Timing};
use chatproof::session::Target;
use tokio_util::sync::CancellationToken;

/// A reference server of its own for every case.
pub struct Arena {
    pub protocol: Arc<Protocol>,
    pub seed: u64,
    pub defects: Vec<Defect>,
    pub hardships: Vec<Hardship>,
}

impl Venue for Arena {
    fn open<'a>(&'a self, case: &'a Case) -> Pin<Box<dyn Future<Output = Result<Place, String>> + Send + 'a>> {
        Box::pin(async move {
            let options = ServerOptions {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                seed: self.seed,
                defects: self.defects.clone(),
                hardships: self.hardships.clone(),
                protocol: self.protocol.clone(),
                timing: Timing::default(),
            };
            let server = Server::bind(options).await.map_err(|error| error.to_string())?;
            let target = Target::parse(&format!("http://{}", server.addr()), 1).map_err(|error| error.to_string())?;
            let stop = CancellationToken::new();
            tokio::spawn(server.run(stop.clone().cancelled_owned()));
            let credentials = Arc::new(Credentials::invented(&case.scenario, self.seed));
            Ok(Place { target: Arc::new(target), credentials, keep: Box::new(stop.drop_guard()) })
        })
    }

    fn at_once(&self) -> usize {
        4
    }
}

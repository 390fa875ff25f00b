//! Any headers from any peer, under any configuration.

#![no_main]

use std::net::IpAddr;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use lockout_core::{ClientHeader, ClientIpError, Network, TrustedProxies};

#[derive(Arbitrary, Debug)]
enum Trust {
    Nobody,
    Networks(Vec<(IpAddr, u8)>),
    Hops(u8),
    Leftmost,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Header {
    XForwardedFor,
    Forwarded,
    Single,
}

#[derive(Arbitrary, Debug)]
struct Request<'a> {
    trust: Trust,
    header: Header,
    peer: Option<IpAddr>,
    /// What the client has sent itself: lines, and the beginning of the one that a proxy goes on
    /// with.
    lines: Vec<&'a [u8]>,
    start: Option<&'a [u8]>,
    appended: Vec<Entry<'a>>,
    other: &'a [u8],
}

/// What a proxy appends.
#[derive(Arbitrary, Debug)]
struct Entry<'a> {
    address: IpAddr,
    port: Option<u16>,
    /// The client chooses it, and the proxy quotes it.
    host: Option<&'a [u8]>,
    is_host_first: bool,
    begins_line: bool,
}

impl Entry<'_> {
    fn text(&self, header: Header) -> Vec<u8> {
        let node = match (self.address, self.port) {
            (address, None) => address.to_string(),
            (IpAddr::V4(v4), Some(port)) => format!("{v4}:{port}"),
            (IpAddr::V6(v6), Some(port)) => format!("[{v6}]:{port}"),
        };
        let Header::Forwarded = header else { return node.into_bytes() };
        let node = format!("for=\"{node}\"").into_bytes();
        let Some(host) = self.host else { return node };
        let escaped = host.iter().flat_map(|byte| match byte {
            b'"' | b'\\' => vec![b'\\', *byte],
            _ => vec![*byte],
        });
        let host = [&b"host=\""[..], &escaped.collect::<Vec<_>>(), b"\""].concat();
        if self.is_host_first { [host, node].join(&b';') } else { [node, host].join(&b';') }
    }
}

impl Request<'_> {
    fn proxies(&self) -> TrustedProxies {
        let network =
            |(address, prefix): &(IpAddr, u8)| Network::within(*address, *prefix, *prefix);
        let proxies = match &self.trust {
            Trust::Nobody => TrustedProxies::none(),
            Trust::Networks(networks) => TrustedProxies::networks(networks.iter().map(network)),
            Trust::Hops(hops) => TrustedProxies::hops(*hops),
            Trust::Leftmost => TrustedProxies::leftmost(),
        };
        proxies.header(match self.header {
            Header::XForwardedFor => ClientHeader::XForwardedFor,
            Header::Forwarded => ClientHeader::Forwarded,
            Header::Single => ClientHeader::Single("X-Real-IP".into()),
        })
    }

    /// The lines of what proxies have appended, of which the first begins with `start`.
    fn appended(&self, start: Option<&[u8]>) -> Vec<Vec<u8>> {
        let mut lines: Vec<Vec<u8>> = start.map(<[u8]>::to_vec).into_iter().collect();
        for (index, entry) in self.appended.iter().enumerate() {
            let text = entry.text(self.header);
            match lines.last_mut().filter(|_| index == 0 || !entry.begins_line) {
                Some(line) => line.extend([b", ", text.as_slice()].concat()),
                None => lines.push(text),
            }
        }
        lines
    }

    fn told(
        &self,
        proxies: &TrustedProxies,
        lines: &[impl AsRef<[u8]>],
    ) -> Result<IpAddr, ClientIpError> {
        let name = match self.header {
            Header::XForwardedFor => "x-forwarded-for",
            Header::Forwarded => "forwarded",
            Header::Single => "x-real-ip",
        };
        let lines = lines.iter().map(|line| (name, line.as_ref()));
        proxies.client_ip(self.peer, lines.chain([("host", self.other)]))
    }
}

fuzz_target!(|request: Request<'_>| {
    let proxies = request.proxies();
    let appended = request.appended(None);
    let lines: Vec<_> = request.lines.iter().map(|line| line.to_vec()).collect();
    let all = [lines, request.appended(request.start)].concat();
    let [told, told_of_all] = [&appended, &all].map(|lines| request.told(&proxies, lines));
    for told in [&told, &told_of_all] {
        match told {
            Ok(address) => assert_eq!(Network::plain(*address), *address),
            Err(error) => {
                let error = error.to_string();
                assert!(error.len() < 1000 && !error.contains(char::is_control), "{error:?}");
            }
        }
    }
    let is_list = !matches!(request.header, Header::Single);
    match request.trust {
        Trust::Nobody | Trust::Hops(0) => {
            let peer = request.peer.map(Network::plain);
            assert_eq!(told_of_all, peer.ok_or(ClientIpError::NoAddress));
        }
        // With too few entries, or when all are proxies, what stands before them is read.
        Trust::Hops(_) if is_list && told.is_ok() => assert_eq!(told_of_all, told),
        Trust::Networks(_) if is_list && told.as_ref().is_ok_and(|ip| !proxies.is_proxy(*ip)) => {
            assert_eq!(told_of_all, told);
        }
        _ => {}
    }
});

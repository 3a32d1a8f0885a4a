//! Where a request came from, when proxies pass it on. Only the word of those that `--trusted-proxy` names counts, and
//! of a chain only the end that they wrote themselves: whoever asks can write the rest.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use poem::http::{HeaderMap, header};

use crate::auth::Client;
use crate::error::{Error, Result};

/// Who sent a request that `peer` handed to us. `https` is whether the peer speaks TLS with us.
///
/// # Errors
///
/// The request is refused if `Forwarded` (RFC 7239) and `X-Forwarded-For` are both there and name different clients: the
/// proxy writes one of them, and passes on the other as somebody made it up.
pub fn client(trusted: &[IpNet], peer: IpAddr, https: bool, headers: &HeaderMap) -> Result<Client> {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    if !is_trusted(peer) {
        return Ok(Client { address: Some(peer), https });
    }
    let standard = forwarded(headers);
    let usual: Vec<_> = values(headers, "x-forwarded-for").map(str::to_owned).collect();
    let walk = |hops: &[String]| walk_back(peer, hops, is_trusted);
    let by_standard: Vec<_> = standard.iter().map(|hop| hop.from.clone()).collect();
    let address = match (standard.is_empty(), usual.is_empty()) {
        (true, _) => walk(&usual),
        (false, true) => walk(&by_standard),
        (false, false) if walk(&usual) == walk(&by_standard) => walk(&usual),
        (false, false) => return Err(Error::invalid("Forwarded", "invalid_request", DISAGREE)),
    };
    let proto = standard.last().map(|hop| hop.proto.clone()).filter(|proto| !proto.is_empty());
    let proto = proto.or_else(|| values(headers, "x-forwarded-proto").last().map(str::to_owned));
    Ok(Client {
        address: Some(address),
        https: https || proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
    })
}

const DISAGREE: &str = "Forwarded and X-Forwarded-For name different clients. The proxy has to set both, or remove the \
                        one that it doesn't set.";

/// From the proxy that spoke with us back to the first address that is no trusted proxy.
fn walk_back(peer: IpAddr, hops: &[String], is_trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        // What a trusted proxy knows no address of (`unknown`, `_hidden`) stays with that proxy.
        let Some(address) = node(hop).filter(|_| is_trusted(client)) else { break };
        client = address;
    }
    client
}

/// An address, alone or with a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn node(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// One element of `Forwarded`.
#[derive(Debug, Default, PartialEq)]
struct Hop {
    from: String,
    proto: String,
}

/// Every element of `Forwarded`, in order. What can't be read has no address, so nothing before it is believed.
fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let lines = headers.get_all(header::FORWARDED).iter().map(|line| line.to_str().unwrap_or("unreadable"));
    lines.flat_map(|line| unquoted_split(line, ',')).map(hop).collect()
}

fn hop(element: &str) -> Hop {
    let mut hop = Hop::default();
    for pair in unquoted_split(element, ';') {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim().trim_matches('"').replace('\\', "");
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => hop.from = value,
            "proto" => hop.proto = value,
            _ => {}
        }
    }
    hop
}

/// The parts of a text between separators that stand outside of quotes.
fn unquoted_split(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let splits = c == separator && !quoted;
        (quoted, escaped) = (quoted ^ (c == '"' && !escaped), quoted && c == '\\' && !escaped);
        splits
    })
    .collect()
}

/// The members of a list header, over all its lines.
fn values<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("unreadable"));
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail by panicking")]
mod tests {
    use super::*;

    /// Who is behind a proxy at 10.0.0.1, in a network of trusted ones.
    fn behind(headers: &[(&'static str, &str)]) -> Result<String> {
        seen_from("10.0.0.1", headers)
    }

    fn seen_from(peer: &str, headers: &[(&'static str, &str)]) -> Result<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let client = client(&trusted, peer.parse().unwrap(), false, &map)?;
        Ok(format!("{}{}", client.address.unwrap(), if client.https { " by https" } else { "" }))
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let said = [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4")];
        assert_eq!(seen_from("192.0.2.9", &said).unwrap(), "192.0.2.9");
        assert_eq!(seen_from("::ffff:192.0.2.9", &said).unwrap(), "192.0.2.9");
    }

    #[test]
    fn of_a_chain_only_what_trusted_proxies_wrote_counts() {
        for (sent, client) in [
            ("203.0.113.7", "203.0.113.7"),
            ("1.2.3.4, 203.0.113.7", "203.0.113.7"),
            ("1.2.3.4, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
            ("10.7.7.7, 10.9.9.9", "10.7.7.7"),
            ("1.2.3.4, nonsense", "10.0.0.1"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("1.2.3.4, [2001:db8::1]:4711, fd00::7", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(behind(&[("x-forwarded-for", sent)]).unwrap(), client, "{sent}");
        }
        assert_eq!(
            behind(&[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "203.0.113.7")]).unwrap(),
            "203.0.113.7"
        );
    }

    #[test]
    fn the_standard_header_says_the_same() {
        for (sent, client) in [
            ("for=203.0.113.7", "203.0.113.7"),
            ("For=\"[2001:db8::1]:4711\";proto=https", "2001:db8::1 by https"),
            ("for=1.2.3.4;proto=http, for=203.0.113.7;by=10.0.0.1;proto=https", "203.0.113.7 by https"),
            ("for=1.2.3.4, for=unknown", "10.0.0.1"),
            ("for=1.2.3.4, for=_hidden", "10.0.0.1"),
            ("for=1.2.3.4, for=\"203.0.113.7, 10.0.0.9\"", "10.0.0.1"),
            ("nonsense", "10.0.0.1"),
        ] {
            assert_eq!(behind(&[("forwarded", sent)]).unwrap(), client, "{sent}");
        }
        assert_eq!(behind(&[("x-forwarded-proto", "https")]).unwrap(), "10.0.0.1 by https");
    }

    #[test]
    fn a_header_that_the_proxy_passed_on_unread_is_not_believed() {
        let made_up = [("forwarded", "for=1.2.3.4"), ("x-forwarded-for", "203.0.113.7")];
        assert_eq!(behind(&made_up).unwrap_err().code(), "invalid_request");
        let agreed = [("forwarded", "for=203.0.113.7"), ("x-forwarded-for", "1.2.3.4, 203.0.113.7")];
        assert_eq!(behind(&agreed).unwrap(), "203.0.113.7");
    }
}

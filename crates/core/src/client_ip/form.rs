//! Trusted proxies as the table that serde reads.

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::header::ClientHeader;
use super::{Trust, TrustedProxies};
use crate::network::Network;

#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<Network>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hops: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leftmost: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<ClientHeader>,
}

impl Form {
    fn proxies(self) -> Result<TrustedProxies, &'static str> {
        let leftmost = self.leftmost.filter(|leftmost| *leftmost);
        let proxies = match (self.networks, self.hops, leftmost) {
            (Some(networks), None, None) => TrustedProxies::networks(networks),
            (None, Some(hops), None) => TrustedProxies::hops(hops),
            (None, None, Some(_)) => TrustedProxies::leftmost(),
            (None, None, None) if self.header.is_none() => TrustedProxies::none(),
            (None, None, None) => {
                return Err(
                    "header: is not read unless networks, hops or leftmost trusts somebody",
                );
            }
            _ => return Err("only one of networks, hops and leftmost can be set"),
        };
        Ok(proxies.header(self.header.unwrap_or_default()))
    }
}

impl From<&TrustedProxies> for Form {
    fn from(proxies: &TrustedProxies) -> Self {
        let form = Self { header: Some(proxies.header.clone()), ..Self::default() };
        match &proxies.trust {
            Trust::Nobody => Self::default(),
            Trust::Networks(networks) => Self { networks: Some(networks.to_vec()), ..form },
            Trust::Hops(hops) => Self { hops: Some(hops.get()), ..form },
            Trust::Leftmost => Self { leftmost: Some(true), ..form },
        }
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let form: Form = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let path = error.path().to_string();
            let message = error.into_inner();
            if path == "." { message } else { de::Error::custom(format_args!("{path}: {message}")) }
        })?;
        form.proxies().map_err(de::Error::custom)
    }
}

impl Serialize for TrustedProxies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Form::from(self).serialize(serializer)
    }
}

impl Serialize for ClientHeader {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for ClientHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

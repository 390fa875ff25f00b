//! Periods in configuration: whole or broken seconds, or texts with units.

use std::fmt;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::cooloff::Cooloff;

/// Milliseconds, read from seconds or from a text with units.
#[derive(Clone, Copy)]
pub(super) struct Period(pub(super) u64);

/// One period, or a list.
pub(super) struct Periods(pub(super) Vec<Period>);

struct PeriodVisitor;

impl Visitor<'_> for PeriodVisitor {
    type Value = Period;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds, or a text such as \"5m\" or \"1h 30m\"")
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Period, E> {
        seconds
            .checked_mul(1000)
            .map(Period)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(seconds), &self))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Period, E> {
        let seconds = u64::try_from(seconds)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(seconds), &self))?;
        self.visit_u64(seconds)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Period, E> {
        Duration::try_from_secs_f64(seconds)
            .map(|period| Period(Cooloff::from(period).as_millis()))
            .map_err(|_| E::invalid_value(de::Unexpected::Float(seconds), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
        humantime::parse_duration(text)
            .map(|period| Period(Cooloff::from(period).as_millis()))
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PeriodVisitor)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            serializer.serialize_u64(self.0 / 1000)
        } else {
            let period = Duration::from_millis(self.0);
            serializer.collect_str(&humantime::format_duration(period))
        }
    }
}

impl<'de> Deserialize<'de> for Periods {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PeriodsVisitor;

        impl<'de> Visitor<'de> for PeriodsVisitor {
            type Value = Periods;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                PeriodVisitor.expecting(f)?;
                f.write_str(", or a list of such")
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Periods, E> {
                PeriodVisitor.visit_u64(seconds).map(|period| Periods(vec![period]))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Periods, E> {
                PeriodVisitor.visit_i64(seconds).map(|period| Periods(vec![period]))
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Periods, E> {
                PeriodVisitor.visit_f64(seconds).map(|period| Periods(vec![period]))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Periods, E> {
                PeriodVisitor.visit_str(text).map(|period| Periods(vec![period]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Periods, A::Error> {
                let mut periods = Vec::new();
                while let Some(period) = list.next_element()? {
                    periods.push(period);
                }
                Ok(Periods(periods))
            }
        }

        deserializer.deserialize_any(PeriodsVisitor)
    }
}

impl Serialize for Periods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

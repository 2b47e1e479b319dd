//! The protobuf messages of Sparkplug B, as far as they are used. Field numbers are those of the specification (6.4.1); fields
//! that are not here (properties, data sets, templates) are skipped.

use crate::fault::Fault;
use bytes::Bytes;
use facility_config::limits::READINGS_PER_MESSAGE_MAX;
use prost::Message;

/// Metrics one message may carry.
pub(super) const METRICS_MAX: usize = READINGS_PER_MESSAGE_MAX;

/// A payload. Its metrics are left packed until they are counted: an empty one takes two bytes there and a hundred here.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Payload {
    /// Unix ms.
    #[prost(uint64, optional, tag = "1")]
    pub(super) timestamp: Option<u64>,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub(super) metrics: Vec<Bytes>,
    #[prost(uint64, optional, tag = "3")]
    pub(super) seq: Option<u64>,
}

/// One value, or in a birth also the definition of a metric.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(string, optional, tag = "1")]
    pub(super) name: Option<String>,
    #[prost(uint64, optional, tag = "2")]
    pub(super) alias: Option<u64>,
    #[prost(uint32, optional, tag = "4")]
    pub(super) datatype: Option<u32>,
    #[prost(bool, optional, tag = "5")]
    pub(super) is_historical: Option<bool>,
    #[prost(bool, optional, tag = "7")]
    pub(super) is_null: Option<bool>,
    #[prost(oneof = "Raw", tags = "10, 11, 12, 13, 14, 15")]
    pub(super) value: Option<Raw>,
}

/// A value as it is packed; the data type says what it is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Raw {
    #[prost(uint32, tag = "10")]
    Int(u32),
    #[prost(uint64, tag = "11")]
    Long(u64),
    #[prost(float, tag = "12")]
    Float(f32),
    #[prost(double, tag = "13")]
    Double(f64),
    #[prost(bool, tag = "14")]
    Boolean(bool),
    #[prost(string, tag = "15")]
    Text(String),
}

impl Payload {
    pub(super) fn read(body: &[u8]) -> Result<Self, Fault> {
        Self::decode(Bytes::copy_from_slice(body)).map_err(|_| Fault::Undecodable)
    }

    /// Its metrics, unpacked.
    pub(super) fn metrics(&self) -> Result<Vec<Metric>, Fault> {
        if self.metrics.len() > METRICS_MAX {
            return Err(Fault::Oversize);
        }
        self.metrics.iter().map(|metric| Metric::decode(metric.clone()).map_err(|_| Fault::Undecodable)).collect()
    }
}

//! Every bound of the gateway, named with its unit, and the relations between them checked at compile time.
//!
//! A queue, buffer or batch whose bound is not here is a mistake.

/// Decoded messages waiting between the drivers and the pipeline.
pub const BATCH_QUEUE_LEN: usize = 1024;
/// Append requests waiting in front of a store's thread; each carries up to [`BATCHES_PER_APPEND_MAX`] messages.
pub const STORE_QUEUE_LEN: usize = 8;
/// Messages the pipeline hands to the store in one request.
pub const BATCHES_PER_APPEND_MAX: usize = 256;
/// Acknowledgements on their way back to one broker. Larger than all un-acknowledged messages that can be inside the
/// gateway, so that the store never waits for a broker.
pub const ACK_QUEUE_LEN: usize = BATCH_QUEUE_LEN + (STORE_QUEUE_LEN + 3) * BATCHES_PER_APPEND_MAX;
/// Messages an MQTT 3.1.1 broker sends without waiting for acknowledgements: mosquitto's `max_inflight_messages`.
pub const BROKER_WINDOW_DEFAULT: u16 = 20;

/// Largest MQTT packet accepted. rumqttc's default of 10 KiB turns one bigger message into an endless reconnect loop.
pub const MQTT_PACKET_BYTES_MAX: usize = 1024 * 1024;
/// Largest payload that is decoded; between this and the packet limit a message is acknowledged, counted and dropped.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of a JSON payload (serde_json's own limit is 128).
pub const JSON_DEPTH_MAX: usize = 32;
/// Readings one message may carry: 400 lanes of six fields (vending schema) fit, a flood does not.
pub const READINGS_PER_MESSAGE_MAX: usize = 4096;
/// Longest text value of a reading, bytes.
pub const TEXT_BYTES_MAX: usize = 64;
/// Longest part name (lane number, compartment size, alarm rule), bytes.
pub const PART_BYTES_MAX: usize = 23;

/// A device's clock may be ahead of the gateway's by this much; beyond it the gateway's time is used and counted.
pub const CLOCK_AHEAD_MS_MAX: i64 = 5_000;
/// A reading may be this old (a device or broker that stored and forwards); older ones get the gateway's time.
pub const READING_AGE_MS_MAX: i64 = 7 * 24 * 3_600_000;
/// No reading is older than the software that reads it: 2026-01-01T00:00:00Z.
pub const BUILD_TIME_MS: i64 = 1_767_225_600_000;

/// Devices one gateway serves.
pub const DEVICES_MAX: usize = 2_000;
/// Registers one Modbus request may ask for (Modbus application protocol V1.1b3, 6.3 and 6.4).
pub const MODBUS_REGISTERS_MAX: u16 = 125;

/// A write-ahead segment. Four of them make the ring.
pub const WAL_SEGMENT_BYTES: usize = 2 * 1024 * 1024;
/// Segments in the write-ahead ring.
pub const WAL_SEGMENTS: usize = 4;
/// One frame is one group commit and never larger than this.
pub const WAL_FRAME_BYTES_MAX: usize = 256 * 1024;
/// Flash page: frames start on this boundary and an acknowledged page is never written again.
pub const PAGE_BYTES: usize = 4096;
/// A commit is due when this much is waiting, whatever the clock says.
pub const COMMIT_BYTES: usize = 64 * 1024;
/// Points returned by one read of a store.
pub const READ_POINTS_MAX: usize = 8_192;

/// Lines in one write request unless configured otherwise.
pub const FORWARD_LINES_DEFAULT: usize = 5_000;
/// Bytes of line protocol in one write request, before compression.
pub const FORWARD_BYTES_DEFAULT: usize = 1024 * 1024;
/// Longest wait between two attempts to reach a broker, a bus or the database (FIELD: peers wait up to 10 minutes).
pub const BACKOFF_MS_MAX: u64 = 30_000;
/// Dead letters kept on disk, bytes.
pub const DEAD_LETTER_BYTES_MAX: u64 = 8 * 1024 * 1024;

const _: () = assert!(WAL_FRAME_BYTES_MAX * 4 <= WAL_SEGMENT_BYTES, "a segment must hold several frames");
const _: () = assert!(COMMIT_BYTES < WAL_FRAME_BYTES_MAX, "a due commit must fit a frame");
const _: () = assert!(WAL_SEGMENT_BYTES.is_multiple_of(PAGE_BYTES) && WAL_FRAME_BYTES_MAX.is_multiple_of(PAGE_BYTES));
const _: () = assert!(PAYLOAD_BYTES_MAX < MQTT_PACKET_BYTES_MAX, "an oversize payload must still be received to be acknowledged");
const _: () = assert!(DEVICES_MAX < u16::MAX as usize, "a device index is 16 bits");
const _: () = assert!(PART_BYTES_MAX == 23, "a part fills 24 bytes with its length");

// The store.

/// Wait between two tries of a store that cannot write. An alarm is due within 10 s (RELIABILITY F7).
pub const STORE_RETRY_MS: u64 = 3_000;
/// A moved cursor is on flash within this time; what came after is delivered again after a crash.
pub const CURSOR_SAVE_MS: u64 = 5_000;
/// Finished segments a store keeps open and indexed: two readers, each crossing from one to the next.
pub const STORE_OPEN_SEGMENTS_MAX: usize = 4;
/// What the medium does not give for this long counts as lost, so that one dead page does not stop its reader for
/// ever. Long enough for a loose card or a USB disk to come back: until then a reader waits and loses nothing.
pub const STORE_READ_PATIENCE_MS: u64 = 600_000;
/// Lost ranges named one by one in the report of an opening; all are counted.
pub const LOST_RANGES_REPORTED_MAX: usize = 32;

const _: () = assert!(STORE_RETRY_MS * 3 < 10_000, "a failing store must be seen within 10 s");
const _: () = assert!(STORE_OPEN_SEGMENTS_MAX > 1);

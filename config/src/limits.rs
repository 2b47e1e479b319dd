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

/// Largest window that can be configured: as many messages of one device as are remembered may come again.
pub const BROKER_WINDOW_MAX: u16 = 128;

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
/// A clock that steps back by more than this was wrong before: the log follows it and open windows are begun anew.
/// Smaller steps are bridged, the log's time stands still meanwhile.
pub const CLOCK_STEP_MS: i64 = 24 * 3_600_000;
/// No reading is older than the software that reads it: 2026-01-01T00:00:00Z.
pub const BUILD_TIME_MS: i64 = 1_767_225_600_000;

/// Devices one gateway serves.
pub const DEVICES_MAX: usize = 2_000;
/// Registers one Modbus request may ask for (Modbus application protocol V1.1b3, 6.3 and 6.4).
pub const MODBUS_REGISTERS_MAX: u16 = 125;
/// Coils or discrete inputs one Modbus request may ask for (same, 6.1 and 6.2).
pub const MODBUS_BITS_MAX: u16 = 2000;
/// Registers of one text: as many characters as a value may have, even if each takes a register.
pub const MODBUS_TEXT_REGISTERS_MAX: u16 = 64;

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
/// A figure of a window of which less was observed is insufficient (DOMAIN §4).
pub const COVERAGE_MIN: f64 = 0.80;
/// A figure of a window of which less was observed is uncertain (DOMAIN §4).
pub const COVERAGE_GOOD_MIN: f64 = 0.95;
/// Energy and sales are given per day only if what they were counted over is the window, to this share of it (DOMAIN §4 asks
/// for 0.9 of a day): a meter that speaks again after a week has counted more than the day on which it does.
pub const PER_DAY_TOLERANCE: f64 = 0.10;
/// Coldest and warmest that a probe of air or goods can say, °C (DOMAIN §5, probe_fault); beyond it nothing was observed.
pub const PROBE_C_MIN: f64 = -60.0;
/// See [`PROBE_C_MIN`].
pub const PROBE_C_MAX: f64 = 80.0;
/// Parcels of one locker whose deadline is waited for; of more nothing is known.
pub const PARCELS_DUE_MAX: usize = 4_096;
/// An overdue rate is given only if of no more than one in so many parcels it is not known.
pub const OVERDUE_UNKNOWN_SHARE: i64 = 20;
/// Hours a parcel may stay unless configured otherwise: Cainiao's (DOMAIN §5; an operator's choice, no law has a number).
pub const KEEP_H_DEFAULT: u16 = 24;
/// Longest keep period: a pick-up is linked to its deposit for as long.
pub const KEEP_H_MAX: u16 = 120;
/// Days whose sales are the measure of how long the stock lasts (DOMAIN §4).
pub const SUPPLY_DAYS: usize = 14;
/// Days that must have been counted before that is told: a week has one weekend.
pub const SUPPLY_DAYS_MIN: i64 = 7;
/// Faults of one device that are known to stand; of more each word counts.
pub const FAULTS_STANDING_MAX: usize = 64;
/// How long parcels lay is told of no fewer than this, and of no less than a day: the figure of one parcel is the habit of one
/// household (DOMAIN §7).
pub const DWELL_PARCELS_MIN: i64 = 5;
/// How long a reader that follows a store lets commits gather before it looks.
pub const FOLLOW_MS: u64 = 50;
/// Points returned by one read of a store.
pub const READ_POINTS_MAX: usize = 3_072;

/// Lines in one write request unless configured otherwise.
pub const FORWARD_LINES_DEFAULT: usize = 5_000;
/// Bytes of line protocol in one write request, before compression: half as many would cost a fifth more processor time and 6 % more
/// bytes, twice as many a megabyte of memory.
pub const FORWARD_BYTES_DEFAULT: usize = 512 * 1024;
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

// What people and scrapers see.

/// Snapshots the rates look back over: one a second for a minute, and the one they are held against.
pub const RATE_SAMPLES_MAX: usize = 61;
/// Connections the status server answers at a time; more wait in the kernel's queue. A browser opens at most six.
pub const API_CONNECTIONS_MAX: usize = 32;
/// Request line and headers of one request to the status server, bytes.
pub const API_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// A connection of the status server that took no answer for this long is closed, so that a forgotten one frees its place.
pub const API_IDLE_MS_MAX: u64 = 15_000;
/// Time the status server may take to finish its answers when told to stop.
pub const API_STOP_MS_MAX: u64 = 1_000;
/// Questions for history that are answered at a time; more wait. What a store has to read for them is kept from its commits.
pub const API_HISTORIES_MAX: usize = 2;
/// Samples in one answer; it says where the rest begins.
pub const API_HISTORY_SAMPLES_MAX: usize = 20_000;
/// Longest wait for one part of an answer, ms: a store that takes longer hangs on its disk.
pub const API_HISTORY_PART_MS_MAX: u64 = 2_000;
/// Longest wait for a whole answer, ms.
pub const API_HISTORY_MS_MAX: u64 = 10_000;
/// A snapshot is published every second; when the newest is older than this, the pipeline stands still.
pub const STATUS_AGE_MS_MAX: i64 = 10_000;
/// A link may take this long to come up before anybody is told: one failed try and the longest wait after it.
pub const LINK_GRACE_MS: i64 = BACKOFF_MS_MAX as i64;

const _: () = assert!(API_HISTORY_PART_MS_MAX < API_HISTORY_MS_MAX && API_HISTORY_MS_MAX < API_IDLE_MS_MAX);
const _: () = assert!(API_HISTORY_SAMPLES_MAX < HISTORY_SAMPLES_MAX, "an answer that was cut must know where the rest begins");
const _: () = assert!(RATE_SAMPLES_MAX > 11, "rates are taken over ten seconds");
// Forwarding to the database, and the loopback database of the demonstration.

/// Destinations a gateway sends to; each has a place in the stores.
pub const DESTINATIONS_MAX: usize = 4;
/// Points looked at for one write request; a stretch without anything to send is left behind in steps of this.
pub const FORWARD_POINTS_MAX: usize = 40 * READ_POINTS_MAX;
/// Bytes read of an answer of the database; the rest of a page or of a compression bomb is never received.
pub const FORWARD_ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Characters of the database's words that are kept as a reason.
pub const FORWARD_REASON_CHARS_MAX: usize = 300;
/// Longest wait of one request for a destination of higher priority that is behind.
pub const FORWARD_STAND_BACK_MS_MAX: u64 = 10_000;
/// Smallest request that a 413 teaches the forwarder to send, bytes before compression.
pub const FORWARD_BYTES_MIN: usize = 4 * 1024;
/// First wait after a request that may be repeated as it is.
pub const FORWARD_RETRY_MS: u64 = 1_000;
/// First wait when somebody has to act (token, bucket, address).
pub const FORWARD_HOLD_MS: u64 = 10_000;
/// Longest `Retry-After` that is obeyed to the letter (FIELD: peers wait up to 10 minutes).
pub const RETRY_AFTER_MS_MAX: u64 = 600_000;
/// Answers with status 500 before a request is taken apart: InfluxDB 2.0 says 500 where it means one bad line.
pub const FORWARD_SERVER_ERRORS_MAX: u32 = 5;
/// Lines refused one after the other, none accepted between them, before each further one waits for its turn:
/// a database that refuses everything is more likely set up wrong than every line bad.
pub const FORWARD_REFUSALS_IN_A_ROW_MAX: u32 = 64;
/// Failures in a row after which only the first line of a request is sent, until that gets through.
pub const FORWARD_PROBE_AFTER: u32 = 4;
/// Parts stored in a row after which a request that was cut down gets twice as large again.
pub const FORWARD_GROW_AFTER: u32 = 64;
/// A destination is behind when what does not fit its next request is older than its newest value by more than this, ms. New
/// values begin there.
pub const LIVE_FRESH_MS: i64 = 60_000;
/// A revised row that stands beside the earlier ones is stamped at most this much behind the start of its window, ms: less than a
/// second, and so of the shortest window. Worked over every six hours for seven days, the last days of a year make some 200 issues of it.
pub const REVISION_MS_MAX: i64 = 999;
/// How often a forwarder looks for orders to send history again, ms.
pub const REPLAY_LOOK_MS: u64 = 5_000;
/// Log read behind the end of a span that is sent again, ms: what came late is in it, and days that were worked over.
pub const REPLAY_LATE_MS: i64 = 8 * 86_400_000;
/// A clock that disagrees with the log or with its own running time by more than this may be wrong, ms: nothing expires by it.
pub const EXPIRE_DOUBT_MS: i64 = 86_400_000;
/// How long such a clock has to go on without another jump until it is believed, ms: a time server that was wrong is set right
/// within minutes.
pub const EXPIRE_TRUST_MS: i64 = 3_600_000;
/// Readings of a series that a month's budget running short leaves: one in this long, ms.
pub const BUDGET_THIN_MS: i64 = 900_000;
/// Series of which it is known when they were sent last.
pub const BUDGET_SERIES_MAX: usize = 65_536;
/// How often the used part of a month is written to disk, ms; so much a power cut forgets.
pub const BUDGET_SAVE_MS: i64 = 300_000;
/// How often the state of a budget is told as data, ms, besides when its level changes.
pub const BUDGET_TELL_MS: i64 = 3_600_000;
/// Time a destination's bytes per second are counted over, s: a request is no larger than fits it.
pub const BUDGET_BURST_S: u64 = 10;
/// Request and answer without the body, bytes: request line and headers about 400, answer about 200, records and packets of TLS,
/// TCP and IP about 300.
pub const REQUEST_OVERHEAD_BYTES: u64 = 900;
/// Setting up a connection with TLS, certificates included, bytes both ways.
pub const TLS_HANDSHAKE_BYTES: u64 = 5_000;
/// A sign of life of MQTT, bytes both ways: ping, answer and acknowledgement with heads of TCP, IP and TLS.
pub const MQTT_PING_BYTES: u64 = 200;
/// Setting up and ending a connection without TLS, bytes both ways.
pub const TCP_HANDSHAKE_BYTES: u64 = 400;
/// Time a write request may still take after the stop signal.
pub const FORWARD_STOP_MS_MAX: u64 = 2_000;
/// Messages on their way to a platform's broker that it has not acknowledged yet; smaller than any broker's window.
pub const UPLINK_WINDOW: usize = 16;
/// Topics of which a platform's broker is asked whether they are forbidden; further ones are published unasked.
pub const UPLINK_TOPICS_MAX: usize = 1_024;
/// Connections in a row that a platform's broker ends without an acknowledgement before it is taken to refuse what it gets, and
/// questions in a row that it leaves unanswered before it is asked no more.
pub const UPLINK_HANG_UPS_MAX: u32 = 3;
/// Bytes of text in one message to a platform unless configured otherwise: what AWS, Aliyun and Huawei take, with room to spare.
pub const UPLINK_MESSAGE_BYTES_DEFAULT: usize = 64 * 1024;
/// The most that can be configured.
pub const UPLINK_MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Longest topic, with its names filled in: what the strictest platforms take is half of it.
pub const UPLINK_TOPIC_BYTES_MAX: usize = 256;

/// Largest body the loopback database takes, before and after decompression.
pub const SIM_TSDB_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Newest points the loopback database remembers to recognise a repetition.
pub const SIM_TSDB_POINTS_REMEMBERED: usize = 100_000;
/// Newest lines the loopback database can show.
pub const SIM_TSDB_LINES_SHOWN: usize = 32;
/// Measurements the loopback database counts separately.
pub const SIM_TSDB_MEASUREMENTS_MAX: usize = 256;
/// Requests the loopback database keeps whole for a test.
pub const SIM_TSDB_REQUESTS_KEPT: usize = 4_096;

const _: () = assert!(FORWARD_BYTES_MIN < FORWARD_BYTES_DEFAULT && FORWARD_BYTES_DEFAULT <= SIM_TSDB_BODY_BYTES_MAX);
const _: () = assert!(FORWARD_RETRY_MS < BACKOFF_MS_MAX && FORWARD_HOLD_MS < BACKOFF_MS_MAX);
/// Largest configuration file that is read; 2 000 devices with all their settings take less than 1 MiB.
pub const CONFIG_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Fragments in `conf.d` that are read: one for each device, and some more.
pub const CONFIG_FILES_MAX: usize = DEVICES_MAX + 64;
/// Largest profile of a site's own that is read, TOML or CSV; a map of a thousand registers fits.
pub const PROFILE_FILE_BYTES_MAX: u64 = 256 * 1024;
/// Profiles in `profiles.d` that are read.
pub const PROFILES_MAX: usize = 256;
/// Problems of a configuration that are listed, and warnings; the rest is only counted.
pub const PROBLEMS_MAX: usize = 200;
/// Largest password, token, key or certificate file.
pub const SECRET_FILE_BYTES_MAX: u64 = 256 * 1024;
// MQTT ingest and the simulated broker.

/// Largest packet that is taken once, by the connection after the one it broke, only to be counted and acknowledged:
/// otherwise a persistent session sends it again for ever.
pub const MQTT_POISON_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Connections in a row that may die of a malformed packet before the broker's session is discarded.
pub const MQTT_MALFORMED_MAX: u32 = 3;
/// Time limit of TCP, TLS and CONNACK together, seconds; a TLS handshake on a slow board takes up to two.
pub const MQTT_CONNECT_TIMEOUT_S: u64 = 10;
/// Digits that make a free text personal, separators (` -./()+`) not counting: mobile numbers have 11, waybills 11 to 16, identity
/// cards 18, pick-up codes 6 (DOMAIN §7).
pub const FREE_TEXT_DIGITS_MAX: usize = 5;
/// The same of a firmware version: `2026.09.01-12`.
pub const FIRMWARE_DIGITS_MAX: usize = 10;
/// Messages one device may send at once: a week of one a minute, which a kiosk that was offline sends in one go.
pub const MESSAGES_BURST: u32 = 10_080;
/// Messages per second that are taken of one device, on average, unless configured otherwise.
pub const MESSAGES_PER_S_MAX_DEFAULT: u32 = 50;
/// Different points and parts of one device, unless configured otherwise.
pub const SERIES_MAX_DEFAULT: u32 = 4_096;
/// Devices of one broker that nobody declared, as they are listed; the one heard longest ago gives way.
pub const STRANGERS_MAX: usize = 64;
/// Places in a stranger's payload that are listed.
pub const STRANGER_PLACES_MAX: usize = 32;
/// Places in payloads, of all devices of one broker, whose drops are counted apart; further ones are counted together.
pub const DROPPED_PLACES_MAX: usize = 256;
/// Filters of earlier configurations that are given back to a broker's session.
pub const FORMER_FILTERS_MAX: usize = 64;
/// Bytes read of the file that remembers them: room for ten brokers with long names.
pub const FORMER_FILTERS_BYTES_MAX: u64 = 256 * 1024;
/// Messages that could not be decoded and wait to be written down; more are only counted.
pub const LETTER_QUEUE_LEN: usize = 16;
/// Bytes of one such message that are kept.
pub const LETTER_BYTES_MAX: usize = 16 * 1024;
/// Such messages kept on disk; the oldest goes.
pub const LETTERS_MAX: usize = 512;
/// Such messages kept per device and reason within an hour: a flood of them must not wear the card.
pub const LETTERS_PER_HOUR_MAX: u32 = 3;
/// Messages shown to somebody who watches a broker, kept for one that is slow.
pub const MQTT_TAIL_LEN: usize = 256;
/// Devices whose parcels are linked, times parcels of each: deposits waiting for their pick-up, of the whole site.
pub const PARCELS_LINKED_MAX: usize = 20_000;
/// How long a deposit waits for its pick-up; keys that could link it are destroyed then.
pub const PARCEL_LINK_MS_MAX: i64 = 5 * 24 * 3_600_000;

const _: () = assert!(KEEP_H_MAX as i64 * 3_600_000 <= PARCEL_LINK_MS_MAX, "a pick-up at its deadline must still find its deposit");
const _: () = assert!(PARCELS_DUE_MAX <= LANES_MAX, "a snapshot takes no longer list");
/// Messages the simulated broker keeps for one session; the newest beyond it are dropped and counted.
pub const SIM_SESSION_QUEUE_LEN: usize = 100_000;
/// Sessions, and retained messages, of the simulated broker.
pub const SIM_SESSIONS_MAX: usize = 10_000;
/// Messages a simulated device sends without waiting for acknowledgements.
pub const SIM_PUBLISH_WINDOW: usize = 100;

const _: () = assert!(MQTT_PACKET_BYTES_MAX <= MQTT_POISON_BYTES_MAX, "the second look must see more than the first");
// Metrics, alarms and the newest values.

/// A window stays open this long past its end, so that the group commit, a redelivery after a reconnect and a device
/// clock half a minute behind do not make a reading late; half a window if that is shorter.
pub const WINDOW_GRACE_MS_MAX: i64 = 30_000;
/// Windows written one after the other while the log itself is silent (gateway off, or its clock set forward): a day
/// of five-minute windows. More would say nothing about the devices and could fill the outbox.
pub const SILENT_WINDOWS_MAX: u32 = 288;
/// Batches one call of the fold hands out before it stops at the end of a window; the rest comes with the next call.
pub const FOLD_BATCHES_PER_CLOSE: usize = 4_096;
/// Lanes of one vending machine that are followed: as many as one message can name.
pub const LANES_MAX: usize = READINGS_PER_MESSAGE_MAX;
/// Time stamps remembered per device to recognise a message that comes a second time.
pub const STAMPS_REMEMBERED: usize = 128;
/// Largest snapshot that is read, bytes; a larger file is none of ours. A device of a thousand lanes takes about 50 KB, most one.
pub const SNAPSHOT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Late readings change closed days for this long after their end; as long as a reading may be old (DOMAIN §4).
pub const LATE_MS_MAX: i64 = READING_AGE_MS_MAX;
/// A day is worked over this long after its end at the earliest, log time: most of what is late comes within the hour.
pub const LATE_FIRST_MS: i64 = 3_600_000;
/// A day is worked over again after this long at the earliest, log time, if more has come.
pub const LATE_AGAIN_MS: i64 = 6 * 3_600_000;
/// What is read before a day that is worked over: how its counters, doors and defrosts stood when it began.
pub const LATE_LEAD_MS: i64 = 24 * 3_600_000;
/// The same for a day that begins with a counter that had been silent for longer than that.
pub const LATE_LONG_LEAD_MS: i64 = 8 * 24 * 3_600_000;
/// Readings kept in memory to work days over, about 60 bytes each. Days of a device that do not fit together are worked over one by
/// one; one that does not fit with the day before it is left as it is.
pub const LATE_READINGS_MAX: usize = 150_000;
/// Devices whose days are worked over at one close of a window: figures of now must not wait for those of yesterday.
pub const LATE_DEVICES_PER_CLOSE: usize = 50;
/// Readings that are worked over in one go; in between others have their turn.
pub const LATE_READINGS_PER_STEP: usize = 4_096;
/// Hours of the log whose position is remembered.
pub const LATE_MARKS_MAX: usize = 18 * 24;

const _: () = assert!(FOLD_BATCHES_PER_CLOSE >= DEVICES_MAX, "one call must be able to hand out a whole window");
const _: () =
    assert!(LATE_MS_MAX + LATE_LONG_LEAD_MS + 2 * 24 * 3_600_000 < LATE_MARKS_MAX as i64 * 3_600_000, "what is worked over is found");
// The archive of days.

/// Largest file of one month that is read; a growing one of 2 000 devices takes about 4 MiB, and more with revisions.
pub const FIGURES_FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Rows of one kind that are written together.
pub const FIGURES_ROWS_MAX: usize = 4_096;
/// Columns of one kind; a reader refuses more.
pub const FIGURES_COLUMNS_MAX: usize = 256;
/// Numbers of one column of lists that are written together.
pub const FIGURES_LISTED_MAX: usize = 1 << 20;
/// A month is made compact this long after its end: nothing late comes for it any more.
pub const FIGURES_COMPACT_MS: i64 = LATE_MS_MAX + 24 * 3_600_000;
/// Months that are kept; the oldest goes.
pub const FIGURES_MONTHS_MAX: usize = 15 * 12;

const _: () = assert!(FIGURES_COMPACT_MS > LATE_MS_MAX + LATE_FIRST_MS, "a compact month is not revised");
const _: () = assert!(FIGURES_ROWS_MAX > DEVICES_MAX, "a day is written in one go");

// The ledger of what is missing.

/// The gateway writes a heartbeat at least every minute; between two that are further apart, ms, it was off or could not write.
pub const HEARTBEAT_HOLE_MS: i64 = 150_000;
/// Times something was so (a link down, a device in maintenance) that are remembered of a day, of each device and link.
pub const MISSING_SPANS_MAX: usize = 32;
/// Missing intervals of one device that are remembered, so that what comes late for one is known to fill it.
pub const MISSING_TOLD_MAX: usize = 32;
/// Days of one absence that are told day by day; of a longer one the rest is told as one.
pub const MISSING_DAYS_MAX: u32 = 31;

// The cold-chain log.

/// Months the cold-chain log is kept unless configured otherwise. Two years are asked for (DOMAIN §5); a third leaves time to ask.
pub const COLDCHAIN_KEEP_MONTHS_DEFAULT: u16 = 36;
/// Fewest months that can be configured: the two years that are asked for.
pub const COLDCHAIN_KEEP_MONTHS_MIN: u16 = 24;
/// Hours that are recorded one after the other while the log itself was silent; more than a month of nothing is left out.
pub const COLDCHAIN_SILENT_HOURS_MAX: i64 = 31 * 24;
/// A closed hour is computed again for readings that come this much later, hours; as long as a reading may be old.
pub const COLDCHAIN_LATE_HOURS_MAX: i64 = 7 * 24;
/// Late hours of one device that are computed again in one go: what is kept in memory for it is about a day of readings.
pub const COLDCHAIN_LATE_HOURS_PER_PASS: i64 = 24;
/// Readings of one device that are kept for that; if there are more they are not computed again, and the log says so.
pub const COLDCHAIN_LATE_READINGS_MAX: usize = 100_000;
/// Longest line of the cold-chain log that is read, bytes; ours are shorter than 1 KiB.
pub const COLDCHAIN_LINE_BYTES_MAX: usize = 4096;
/// Breaks of one device's log that are told one by one.
pub const COLDCHAIN_BREAKS_TOLD_MAX: usize = 20;
/// Months until the next calibration of a probe unless configured otherwise.
pub const CALIBRATION_MONTHS_DEFAULT: u16 = 12;

const _: () = assert!(COLDCHAIN_LATE_HOURS_MAX * 3_600_000 >= READING_AGE_MS_MAX, "no reading that is believed is too late for its hour");
// The store.

/// The log's time goes in steps of this: nobody judges by less, and exact milliseconds of every commit would be a tenth of a
/// block on a small site.
pub const LOG_STEP_MS: i64 = 100;
/// Heads of blocks kept for questions about single series, about 15 KB each: a day of one-minute readings has fewer.
pub const STORE_HEADS_MAX: usize = 64;

/// Wait between two tries of a store that cannot write. An alarm is due within 10 s (RELIABILITY F7).
pub const STORE_RETRY_MS: u64 = 3_000;
/// A moved cursor is on flash within this time; what came after is delivered again after a crash, the same lines. Every
/// five seconds would be a third of all that is written (`tests/bench.sh store day`).
pub const CURSOR_SAVE_MS: u64 = 30_000;
/// Points of one finished block: the column codec's unit (BUFFER §6: larger ones save little and damage more).
pub const BLOCK_POINTS_MAX: usize = 65_536;
/// Points older than this become a block even if they are few: the ring is searched frame by frame.
pub const BLOCK_AGE_MS_MAX: u64 = 3_600_000;
/// Largest file of finished blocks, reserved as a whole; a small budget has smaller ones. The unit of making room.
pub const BLOCK_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Decoded blocks a store keeps: two readers, each in its own.
pub const STORE_LOADED_BLOCKS_MAX: usize = 2;
/// Open files of finished blocks a store keeps for its readers.
pub const STORE_OPEN_FILES_MAX: usize = 16;
/// One finished block is read and checked this often, so that damage is known before the data is wanted.
pub const STORE_SCRUB_MS: u64 = 3_600_000;
/// Points kept in memory while nothing can be written, about 60 bytes each; then the oldest that cannot be sent again
/// go, counted.
pub const STORE_WAITING_POINTS_MAX: usize = 50_000;
/// Messages kept in memory meanwhile, most of them without readings.
pub const STORE_WAITING_BATCHES_MAX: usize = 8_192;
/// Openings whose clock was not set that are remembered until their points are gone.
pub const STORE_EPOCHS_MAX: usize = 32;
/// Gaps kept on flash until somebody has taken them; only beyond that one joins another.
pub const GAPS_TOLD_MAX: usize = 32;
/// Samples of one series that one question returns; more only as buckets.
pub const HISTORY_SAMPLES_MAX: usize = 100_000;
/// Buckets one question asks for.
pub const HISTORY_BUCKETS_MAX: u32 = 10_000;
/// Finished blocks a store reads for one part of an answer, before it looks whether a commit is due.
pub const HISTORY_BLOCKS_MAX: usize = 64;
/// A thinned series keeps the smallest, the largest and the last value of each such span (BUFFER §9, Overflow).
pub const THIN_MS: i64 = 15 * 60_000;
/// What the medium does not give for this long counts as lost, so that one dead page does not stop its reader for
/// ever. Long enough for a loose card or a USB disk to come back: until then a reader waits and loses nothing.
pub const STORE_READ_PATIENCE_MS: u64 = 600_000;
/// Lost ranges named one by one in the report of an opening; all are counted.
pub const LOST_RANGES_REPORTED_MAX: usize = 32;

const _: () = assert!(STORE_RETRY_MS * 3 < 10_000, "a failing store must be seen within 10 s");
const _: () = assert!(BLOCK_FILE_BYTES_MAX.is_multiple_of(PAGE_BYTES) && STORE_LOADED_BLOCKS_MAX > 1);
// Modbus buses.

/// Longest wait for a TCP connection to a Modbus device or serial server, ms.
pub const MODBUS_CONNECT_MS_MAX: u64 = 3_000;
/// Shortest silence asked of a line after a question went unanswered, ms (CRATES §3: purging alone lets a late answer through).
pub const MODBUS_QUIET_MS_MIN: u64 = 50;
/// Bytes kept while listening for one answer; the longest frame has 260 (Modbus messaging on TCP/IP V1.0b, 4.1).
pub const MODBUS_HEARD_BYTES_MAX: usize = 1024;
/// Questions in a row that may go unanswered on RTU over TCP before the connection itself is doubted: a vanished peer
/// leaves an open socket behind.
pub const MODBUS_UNANSWERED_MAX: u32 = 3;
/// Silence after a damaged answer that ends the wait for it, ms: more than the latency of a USB adapter (16) and its jitter.
pub const MODBUS_DAMAGED_MS: u64 = 40;
/// Longest wait for the registration of a DTU that has connected, ms.
pub const DTU_REGISTRATION_MS_MAX: u64 = 15_000;
/// DTUs that may be connected without having said who they are.
pub const DTU_UNKNOWN_MAX: usize = 32;
/// Frames of a bus that wait for somebody who watches it; a slower one misses the oldest.
pub const MODBUS_TRACE_LEN: usize = 256;
/// Registers a device refused (exceptions 1 to 3) are asked for again this often, ms: firmware gets updated.
pub const MODBUS_REFUSED_RETRY_MS: u64 = 6 * 3_600_000;
/// A bus reports the health of its units this often, ms.
pub const MODBUS_HEALTH_MS: u64 = 60_000;

const _: () = assert!(MODBUS_HEARD_BYTES_MAX >= 3 * 260, "an echo, a foreign frame and the answer must fit");
const _: () = assert!(BROKER_WINDOW_MAX as usize <= STAMPS_REMEMBERED, "a whole window that comes again must be recognised");
const _: () = assert!(BROKER_WINDOW_DEFAULT <= BROKER_WINDOW_MAX && (BROKER_WINDOW_MAX as usize) < ACK_QUEUE_LEN);
// Wear of the card.

/// Times a card can be written over unless configured otherwise. Makers name up to 1 500 cycles for the TLC flash of
/// consumer cards (transcend-info.com/Article/SSD), planar ones had as few as 300; the third of 1 500 leaves room for a
/// card that writes three bytes inside for one it is given, which nobody can see from outside.
pub const CARD_CYCLES_DEFAULT: u32 = 500;
/// How often the card's counters are read, ms.
pub const WEAR_SAMPLE_MS: u64 = 300_000;
/// What is written per day is a mean over this long, ms.
pub const WEAR_SPAN_MS: i64 = 24 * 3_600_000;
/// Samples kept: a whole span and the one it is held against.
pub const WEAR_SAMPLES_MAX: usize = 289;
/// No figure before this long: the first minutes of a start are not like the rest of the day.
pub const WEAR_MEASURED_MS_MIN: i64 = 900_000;

const _: () = assert!((WEAR_SAMPLES_MAX as i64 - 1) * WEAR_SAMPLE_MS as i64 >= WEAR_SPAN_MS, "the samples must reach over the span");

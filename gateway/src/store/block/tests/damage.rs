//! Bad bits and bad bytes anywhere: what is lost is known, and everything else is right.

use super::*;

/// Three devices, all kinds of values.
fn small() -> Vec<(Seq, Record)> {
    let mut rng = fastrand::Rng::with_seed(11);
    let record = |n: u64| Record {
        origin: [4, 9, 23][n as usize / 4 % 3],
        metric: n as u32 % 4 + 10,
        at_ms: NOW_MS + n as i64 / 4 * 100,
        log_ms: NOW_MS + n as i64 / 20 * 1000,
        flags: if n > 40 { KEEP } else { 0 },
        value: match random_value(&mut rng) {
            Value::Text(text) if text.len() > 100 => Value::Bool(true),
            value => value,
        },
    };
    (1000..).zip((0..60).map(record)).collect()
}

/// What its caller does with a block: the header from the front or the end, the head from there or its copy.
fn rescue(block: &[u8]) -> Option<(Header, Head)> {
    let at_end = block.len() - HEADER_BYTES;
    let header = [0, at_end].into_iter().find_map(|at| match Header::parse(&block[at..]) {
        Found::Block(header) => Some(header),
        Found::Newer(_) | Found::Nothing => None,
    })?;
    let front = HEADER_BYTES..HEADER_BYTES + header.head_len as usize;
    let head = [front, header.copy_of_head()].into_iter().find_map(|range| Head::parse(&header, block.get(range)?))?;
    Some((header, head))
}

#[test]
fn one_flipped_bit_anywhere_costs_one_chunk_at_most() {
    let records = small();
    let (header, mut block) = encode(&records);
    let chunks = head_of(&header, &block).chunks().to_vec();
    let used = chunks.last().map_or(0, |chunk| (chunk.offset + chunk.len) as usize);
    let padding = used..header.copy_of_head().start;
    let mut hits = 0;
    for bit in (0..block.len() * 8).filter(|bit| !padding.contains(&(bit / 8)) || bit % 97 == 0) {
        block[bit / 8] ^= 1 << (bit % 8);
        let (found, head) = rescue(&block).expect("a header and a head");
        assert_eq!(found, header);
        let mut loaded = Loaded::new(&found, &head, &block);
        let hit: Vec<_> = chunks.iter().filter(|chunk| (chunk.offset..chunk.offset + chunk.len).contains(&(bit as u32 / 8))).collect();
        assert_eq!(loaded.damaged().iter().collect::<Vec<_>>(), hit, "bit {bit}");
        let is_left = |record: &Record| hit.iter().all(|chunk| chunk.origin != record.origin);
        let expected: Vec<_> = records.iter().filter(|(_, record)| is_left(record)).cloned().collect();
        assert_same(&read_all(&mut loaded, 100), &expected);
        assert_eq!(loaded.lost(), (records.len() - expected.len()) as u64);
        hits += hit.len();
        block[bit / 8] ^= 1 << (bit % 8);
    }
    assert!(hits > 1000, "{hits}");
}

#[test]
fn a_bad_page_costs_the_chunks_in_it() {
    let records = numbered(workload::points(200, 65_536, 100));
    let (header, block) = encode(&records);
    for page in 0..block.len() / 4096 {
        let mut block = block.clone();
        block[page * 4096..][..4096].fill(0xff);
        let (found, head) = rescue(&block).expect("a header and a head");
        assert_eq!(found, header);
        let loaded = Loaded::new(&found, &head, &block);
        assert!(loaded.damaged().len() < 40, "page {page}: {} chunks", loaded.damaged().len());
    }
}

/// Reads everything there is in every way; what comes out does not matter.
fn read_in_every_way(header: &Header, head: &Head, block: &[u8]) {
    let mut loaded = Loaded::new(header, head, block);
    let (mut records, mut at) = (Vec::new(), header.first);
    while at < header.end {
        let next = loaded.read(at, 500, &mut records);
        assert!(next > at);
        at = next;
    }
    assert_eq!(records.len() as u64 + loaded.lost(), u64::from(header.points));
    for (at, chunk) in head.chunks().iter().enumerate() {
        let bytes = block.get(chunk.offset as usize..).and_then(|rest| rest.get(..chunk.len as usize));
        for metric in [0, 9, 10, 12, 99] {
            let _ = series(head, at, bytes.unwrap_or(&[]), metric, |_, _, _| {});
        }
    }
}

fn scramble(rng: &mut fastrand::Rng, bytes: &mut [u8]) {
    if rng.u8(..8) == 0 {
        let (from, fill) = (rng.usize(..bytes.len()), [0, 0xff, 0x55][rng.usize(..3)]);
        let to = (from + rng.usize(1..40)).min(bytes.len());
        bytes[from..to].fill(fill);
        return;
    }
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..bytes.len());
        bytes[at] = if rng.bool() { rng.u8(..) } else { bytes[at] ^ (1 << rng.u8(..8)) };
    }
}

fn put_crc(bytes: &mut [u8]) {
    let (bytes, crc) = bytes.split_at_mut(bytes.len() - 4);
    crc.copy_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
}

#[test]
fn wrong_bytes_with_right_checksums_are_survived() {
    let mut rng = fastrand::Rng::with_seed(12);
    let blocks = [encode(&small()), encode(&numbered(workload::points(2, 6000, 100)))];
    let (mut heads, mut headers) = (0, 0);
    for round in 0..8_000 {
        let (header, mut block) = blocks[round % 2].clone();
        let chunks = head_of(&header, &block).chunks().to_vec();
        match rng.u8(..4) {
            0 => scramble(&mut rng, &mut block[4..HEADER_BYTES - 4]),
            1 | 2 => {
                let head = &mut block[HEADER_BYTES..][..header.head_len as usize];
                scramble(&mut rng, head);
                let crc = crc32c::crc32c(head);
                block[36..40].copy_from_slice(&crc.to_le_bytes());
            }
            _ => {
                let chunk = chunks[rng.usize(..chunks.len())];
                let bytes = &mut block[chunk.offset as usize..][..chunk.len as usize];
                scramble(&mut rng, bytes);
                put_crc(bytes);
            }
        }
        put_crc(&mut block[..HEADER_BYTES]);
        let Found::Block(header) = Header::parse(&block) else { continue };
        headers += 1;
        let head = block.get(HEADER_BYTES..HEADER_BYTES + header.head_len as usize).and_then(|bytes| Head::parse(&header, bytes));
        if let Some(head) = head {
            heads += 1;
            read_in_every_way(&header, &head, &block);
        }
    }
    assert!(heads > 3000 && headers > 6000, "most must get past the checksums: {headers} {heads}");
}

#[test]
fn noise_is_not_a_block() {
    let mut rng = fastrand::Rng::with_seed(13);
    let (header, block) = encode(&small());
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..rng.usize(..300)).map(|_| rng.u8(..)).collect();
        assert_eq!(Header::parse(&noise), Found::Nothing);
        assert!(Head::parse(&header, &noise).is_none());
        let head = head_of(&header, &block);
        assert!(series(&head, 0, &noise, 10, |_, _, _| panic!("a value")).is_none());
        assert_eq!(Loaded::new(&header, &head, &noise).lost(), 60);
    }
    assert_eq!(Loaded::new(&header, &head_of(&header, &block), &block[..header.head_len as usize]).lost(), 60);
}

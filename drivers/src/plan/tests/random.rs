//! Random maps: every promise of a plan holds, and no simpler plan is cheaper.

use super::*;
use proptest::prelude::*;

const TYPES: [RegisterType; 4] = [U16, U32, RegisterType::U64, RegisterType::U8Hi];

fn any_point() -> impl Strategy<Value = RegisterPoint> {
    let address = prop_oneof![8 => 0u16..300, 1 => 65_500u16..=65_535];
    (0usize..4, address, 0usize..4, prop::option::of(0u16..300), 1u16..60, 0usize..3).prop_map(
        |(table, address, ty, status, count, group)| {
            let table = Table::ALL[table];
            let value = if table.is_bits() { RegisterPoint { table, ..bits(address, count) } } else { point(table, address, TYPES[ty]) };
            let value = RegisterPoint { group: Group::ALL[group], ..value };
            if let Some(status) = status { with_status(value, status) } else { value }
        },
    )
}

fn any_span() -> impl Strategy<Value = Span> {
    (0usize..4, 0u16..300, 0u16..4).prop_map(|(table, first, more)| span(Table::ALL[table], first, first + more))
}

fn any_map() -> impl Strategy<Value = ModbusMap> {
    let points = prop::collection::vec(any_point(), 0..40);
    (points, 0u16..200, prop_oneof![0u16..100, 1900u16..2100], 0u16..40, prop::collection::vec(any_span(), 0..3)).prop_map(
        |(points, registers_max, bits_max, gap_max, unreadable)| ModbusMap { bits_max, unreadable, ..map(points, registers_max, gap_max) },
    )
}

fn any_learned() -> impl Strategy<Value = Learned> {
    let refused = prop::collection::btree_set((0usize..4, 0u16..300).prop_map(|(table, address)| (Table::ALL[table], address)), 0..10);
    (refused, prop::collection::vec(any_span(), 0..3), prop::option::of(0u16..20))
        .prop_map(|(refused, unreadable, registers_max)| Learned { refused, unreadable, registers_max, bits_max: None })
}

fn any_line() -> impl Strategy<Value = Line> {
    let byte_ns = prop_oneof![Just(0u64), 80u64..2_000_000, any::<u64>()];
    (byte_ns, prop_oneof![Just(0u64), 0u64..100_000_000]).prop_map(|(byte_ns, request_ns)| Line { byte_ns, request_ns })
}

/// What a planner without arithmetic does: takes along whatever the limits allow, from the front.
fn greedy(mut wanted: Vec<Request>, limits: &Limits<'_>) -> Vec<Request> {
    wanted.sort_unstable_by_key(|one| (one.table, one.address, u16::MAX - one.count));
    let mut blocks: Vec<Request> = Vec::new();
    for one in wanted {
        match blocks.last_mut() {
            Some(block) if block.covers(&one) => {}
            Some(block) => match limits.joined(block, &one) {
                Some(joined) => *block = joined,
                None => blocks.push(one),
            },
            None => blocks.push(one),
        }
    }
    blocks
}

fn cost(requests: &[Request], line: &Line) -> u64 {
    requests.iter().map(|request| line.cost_ns(request)).fold(0, u64::saturating_add)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_plan_keeps_its_promises(map in any_map(), learned in any_learned(), line in any_line()) {
        let limits = Limits::of(&map, &learned);
        for group in Group::ALL {
            let requests = plan(&map, group, &line, &learned);
            prop_assert!(requests.is_sorted() && requests.windows(2).all(|pair| pair[0] != pair[1]));
            let asked: Vec<&RegisterPoint> = map.points.iter().filter(|point| point.group == group && limits.why_not(point).is_none()).collect();
            let singly: Vec<Request> = asked.iter().flat_map(|point| alone(point)).collect();
            for one in &singly {
                prop_assert!(requests.iter().any(|request| request.covers(one)), "{:?} is not in {:?}", one, requests);
            }
            for request in &requests {
                let count_max = if request.table.is_bits() { limits.bits_max } else { limits.registers_max };
                prop_assert!(request.count <= count_max || singly.contains(request), "{:?}", request);
                prop_assert!((1..=request.table.count_max()).contains(&request.count) && request.last() <= 65_535);
                let mut spans = map.unreadable.iter().chain(&learned.unreadable);
                prop_assert!(!spans.any(|span| request.touches(span)), "{:?}", request);
                // Somebody wants its first and its last address, and nowhere more than a gap lies unwanted.
                let mut wanted: Vec<&Request> = singly.iter().filter(|one| request.covers(one)).collect();
                wanted.sort_unstable();
                prop_assert_eq!(wanted[0].address, request.address);
                let end = wanted.iter().fold(u32::from(request.address), |end, one| {
                    assert!(u32::from(one.address) <= end + u32::from(map.gap_max), "{request:?} {wanted:?}");
                    end.max(one.last() + 1)
                });
                prop_assert_eq!(end, request.last() + 1);
            }
            prop_assert!(cost(&requests, &line) <= cost(&singly, &line));
            prop_assert!(cost(&requests, &line) <= cost(&greedy(singly.clone(), &limits), &line));
            prop_assert!(requests.len() <= singly.len());
        }
    }

    #[test]
    fn no_cut_of_a_few_values_is_cheaper(
        addresses in prop::collection::btree_set(0u16..40, 1..8), registers_max in 1u16..20, gap_max in 0u16..20, line in any_line(),
    ) {
        let map = map(addresses.iter().map(|address| point(Holding, *address, U16)).collect(), registers_max, gap_max);
        let learned = Learned::default();
        let limits = Limits::of(&map, &learned);
        let wanted: Vec<Request> = map.points.iter().flat_map(alone).collect();
        // Every way to cut them: a bit for each place between two.
        let cuts = (0u32..1 << (wanted.len() - 1)).filter_map(|cut| {
            let mut blocks = vec![wanted[0]];
            for (at, one) in wanted[1..].iter().enumerate() {
                match blocks.last_mut() {
                    Some(block) if cut >> at & 1 == 0 => *block = limits.joined(block, one)?,
                    _ => blocks.push(*one),
                }
            }
            Some(cost(&blocks, &line))
        });
        prop_assert_eq!(Some(cost(&plan(&map, Group::Fast, &line, &learned), &line)), cuts.min());
    }

    #[test]
    fn an_explanation_is_about_the_plan(map in any_map(), learned in any_learned(), line in any_line(), interval_ms in 0u64..100_000) {
        let explained = explain(&map, Duration::from_millis(interval_ms), map.slow, &line, &learned);
        let asks: Vec<(&str, Table, u16, u16)> = explained.asks.iter().map(|ask| (ask.group, ask.table, ask.address, ask.count)).collect();
        let planned = Group::ALL.into_iter().flat_map(|group| plan(&map, group, &line, &learned).into_iter().map(move |one| (group.as_str(), one.table, one.address, one.count)));
        prop_assert_eq!(asks, planned.collect::<Vec<_>>());
        prop_assert!(explained.share_pct.is_finite() && explained.share_pct <= explained.singly_share_pct + 1e-6 * explained.singly_share_pct);
        prop_assert!(explained.asks.iter().all(|ask| !ask.points.is_empty() && ask.along < ask.count));
        let limits = Limits::of(&map, &learned);
        prop_assert_eq!(explained.left_out.len(), map.points.iter().filter(|point| limits.why_not(point).is_some()).count());
    }
}

//! How small blocks are: what the site's weeks offline depend on.

use super::*;
use facility_config::limits::BLOCK_POINTS_MAX;

#[test]
fn the_reference_workload_takes_little_more_than_it_says() {
    // Devices, points in a commit, bytes per point with everything.
    let cases = [(200, 100, 0.69), (200, 1000, 0.69), (20, 100, 0.63), (1000, 100, 0.94)];
    for (devices, points_per_commit, bytes_max) in cases {
        let records = numbered(workload::points(devices, BLOCK_POINTS_MAX, points_per_commit));
        let (header, block) = encode(&records);
        let bytes = block.len() as f64 / records.len() as f64;
        assert!(bytes <= bytes_max, "{devices} devices: {bytes} bytes per point");
        let mut loaded = Loaded::new(&header, &head_of(&header, &block), &block);
        assert_eq!(loaded.lost(), 0);
        assert_same(&read_all(&mut loaded, 1000), &records);
    }
}

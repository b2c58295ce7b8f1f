//! Figures over time.

use pve_sim::{Release, Seed, SeedGuest};
use serde_json::{Value, json};

use crate::client::Lab;

fn seed() -> Seed {
    Seed::nodes(2)
        .with_guest(SeedGuest::new(100, "busy").running())
        .with_guest(SeedGuest::new(101, "idle"))
}

/// Its name, seconds of a row, how many rows.
type Timeframe = (&'static str, i64, usize);

async fn rows(lab: &Lab, path: &str) -> Vec<Value> {
    lab.get(path).await.data().as_array().unwrap().clone()
}

fn keys(row: &Value) -> Vec<&str> {
    row.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_timeframe_has_so_many_rows_of_so_many_seconds() {
    let expected: [(Release, &[Timeframe]); 2] = [
        (
            Release::V9_2,
            &[
                ("hour", 60, 60),
                ("day", 60, 1440),
                ("week", 1800, 336),
                ("month", 1800, 1440),
                ("year", 21_600, 1440),
                ("decade", 604_800, 570),
            ],
        ),
        (
            Release::V8_4,
            &[
                ("hour", 60, 60),
                ("day", 1800, 70),
                ("week", 10_800, 70),
                ("month", 43_200, 70),
                ("year", 604_800, 70),
            ],
        ),
    ];
    for (release, timeframes) in expected {
        let lab = Lab::instant(seed().with_release(release)).await;
        for (timeframe, seconds, count) in timeframes {
            let rows = rows(&lab, &format!("/nodes/pve1/rrddata?timeframe={timeframe}")).await;
            // The newest one is missing before it has figures.
            assert!(
                [*count, count - 1].contains(&rows.len()),
                "{timeframe}: {}",
                rows.len()
            );
            let time = |at: usize| rows[at]["time"].as_i64().unwrap();
            assert_eq!(
                (time(1) - time(0), time(0) % seconds),
                (*seconds, 0),
                "{timeframe}"
            );
        }
        let decade = lab.get("/nodes/pve1/rrddata?timeframe=decade").await;
        assert_eq!(decade.status == 200, release == Release::V9_2);
    }
}

#[tokio::test]
async fn a_guest_that_stands_still_has_only_what_it_could_use() {
    let lab = Lab::instant(seed()).await;
    lab.sim.freeze_statistics(30);
    let last = async |vmid: u32| {
        let rows = rows(&lab, &format!("/nodes/pve1/qemu/{vmid}/rrddata?timeframe=hour")).await;
        rows.last().unwrap().clone()
    };
    assert_eq!(
        keys(&last(101).await),
        ["disk", "maxcpu", "maxdisk", "maxmem", "time"]
    );
    let busy = last(100).await;
    assert!(busy["cpu"].as_f64().unwrap() > 0.0 && busy["mem"].as_f64() < busy["maxmem"].as_f64());
    assert!(keys(&busy).contains(&"memhost") && keys(&busy).contains(&"pressureiofull"));
}

#[tokio::test]
async fn releases_before_9_have_no_pressure() {
    let lab = Lab::instant(seed().with_release(Release::V8_4)).await;
    let rows = rows(&lab, "/nodes/pve1/qemu/100/rrddata?timeframe=hour").await;
    let last = rows.last().unwrap();
    assert!(last.get("cpu").is_some());
    assert!(
        keys(last)
            .iter()
            .all(|key| !key.starts_with("pressure") && *key != "memhost")
    );
}

#[tokio::test]
async fn there_is_nothing_before_the_beginning_and_the_same_answer_twice() {
    let lab = Lab::instant(seed()).await;
    lab.sim.freeze_statistics(5);
    let rows = rows(&lab, "/nodes/pve1/rrddata?timeframe=hour").await;
    let known = rows
        .iter()
        .filter(|row| row.as_object().unwrap().len() > 1)
        .count();
    assert_eq!((rows.len(), known), (60, 5));
    assert_eq!(keys(&rows[0]), ["time"]);
    let again = lab.get("/nodes/pve1/rrddata?timeframe=hour").await.data();
    assert_eq!(again, json!(rows));
}

#[tokio::test]
async fn a_longer_row_is_made_of_its_minutes() {
    let lab = Lab::instant(seed()).await;
    lab.sim.freeze_statistics(24 * 60);
    let of = async |query: &str| {
        let rows = rows(&lab, &format!("/nodes/pve1/qemu/100/rrddata?{query}")).await;
        rows.into_iter()
            .rev()
            .find(|row| row.get("cpu").is_some())
            .unwrap()
    };
    let week = of("timeframe=week").await;
    let most = of("timeframe=week&cf=MAX").await;
    let end = week["time"].as_i64().unwrap();
    let minutes = rows(&lab, "/nodes/pve1/qemu/100/rrddata?timeframe=day").await;
    let within = minutes.iter().filter(|row| {
        let time = row["time"].as_i64().unwrap();
        (end - 1799..=end).contains(&time)
    });
    let values: Vec<f64> = within.filter_map(|row| row["cpu"].as_f64()).collect();
    #[allow(clippy::cast_precision_loss)]
    let average = values.iter().sum::<f64>() / values.len() as f64;
    assert!((week["cpu"].as_f64().unwrap() - average).abs() < 1e-9);
    let maximum = values.iter().copied().fold(0.0, f64::max);
    assert!((most["cpu"].as_f64().unwrap() - maximum).abs() < 1e-9);
}

#[tokio::test]
async fn a_guest_that_no_node_has_told_of_has_no_file() {
    let lab = Lab::instant(Seed::default()).await;
    let nine = lab.get("/nodes/pve1/qemu/555/rrddata?timeframe=hour").await;
    assert_eq!(
        (nine.status, nine.reason.as_str()),
        (
            500,
            "RRD error: opening '/var/lib/rrdcached/db/pve-vm-9.0/555': No such file or directory"
        )
    );
    let lab = Lab::instant(Seed::default().with_release(Release::V8_4)).await;
    let eight = lab.get("/nodes/pve1/storage/none/rrddata?timeframe=hour").await;
    assert!(eight.reason.contains("/pve2-storage/pve1/none'"), "{eight:?}");
}

#[tokio::test]
async fn the_export_has_the_last_figures_of_everything() {
    let lab = Lab::instant(seed()).await;
    let export = async |query: &str| {
        let answer = lab.get(&format!("/cluster/metrics/export{query}")).await.data();
        answer["data"].as_array().unwrap().clone()
    };
    let all = export("").await;
    let has = |id: &str, metric: &str| all.iter().any(|p| p["id"] == id && p["metric"] == metric);
    assert!(has("node/pve2", "cpu_current") && has("qemu/100", "mem_used"));
    assert!(has("qemu/101", "mem_total") && !has("qemu/101", "cpu_current"));
    assert!(has("storage/pve1/local", "disk_used"));
    let local = export("?local-only=1").await;
    assert!(local.iter().all(|point| point["id"] != "node/pve2"));
    assert!(export("?history=1").await.len() > all.len());
}

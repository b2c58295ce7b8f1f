//! Hundreds of kills over twenty machines that people keep changing, with lost answers, outages and strangers who
//! take numbers: `make faults` runs 500, every test run 20. `SEED` repeats a run, `KILLS` makes it longer or shorter.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use kube::ResourceExt;
use kube::api::ListParams;
use pve_sim::{Fault, Hold, Matcher};
use serde_json::{Value, json};

use super::draw::{Change, Kill, MACHINES, SETTLE, round};
use super::tally::Tally;
use crate::support::{Process, World, condition, within};

/// How long a changing call takes at the least, as on a host with disks.
const CALL: Duration = Duration::from_millis(150);
/// Within which time a changing call must come, with so much to do.
const PATIENCE: Duration = Duration::from_mins(1);
/// Within which time everything is as declared, once nothing fails any more.
const REST: Duration = Duration::from_mins(4);

#[tokio::test]
async fn a_score_of_random_kills_doubles_loses_and_touches_nothing() {
    run("random-kills", 20, 4).await;
}

#[tokio::test]
#[ignore = "takes a quarter of an hour: make faults"]
async fn hundreds_of_random_kills_double_lose_and_touch_nothing() {
    let kills = number("KILLS").unwrap_or(500);
    let seed = number("SEED").unwrap_or_else(|| u64::from(Rng::new().u32(..)));
    let in_flight = run("faults", kills, seed).await;
    assert!(
        in_flight * 2 >= kills,
        "only {in_flight} of {kills} kills met a changing call in flight: half of them must"
    );
}

/// A number from the environment.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var_os(variable)?;
    let text = text.to_str().unwrap().trim().to_owned();
    let not = |_| panic!("{variable}={text} is not a number");
    (!text.is_empty()).then(|| text.parse().unwrap_or_else(not))
}

/// What happened.
#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    ordered: u64,
    in_flight: u64,
    lost: u64,
    outages: u64,
    strangers: u64,
    remade: u64,
    told: u64,
}

/// A run under way.
struct Run {
    world: World,
    /// Whether each machine was asked to go, and is to be declared again.
    going: [bool; MACHINES],
    tally: Tally,
    figures: Figures,
}

/// Runs so many kills; how many met a changing call in flight.
#[allow(clippy::print_stdout, reason = "the figures are for a person")]
async fn run(name: &str, kills: u64, seed: u64) -> u64 {
    println!("\nfaults: seed {seed} (SEED={seed} repeats the orders)");
    let world = World::builder(name)
        .seed(|seed| seed.with_foreign_vms(6))
        .host(json!({
            "budget": {"tasks": 16, "tasksPerStorage": 16, "clonesPerSource": 16},
            "destroyLimit": {"guests": 1000, "window": "1m"},
        }))
        .without_drover()
        .start()
        .await;
    // Other people's machines are protected now and then, and some of them run.
    world
        .sim
        .change_config(101, &[("protection", Some("1"))])
        .unwrap();
    let mut run = Run {
        world,
        going: [false; MACHINES],
        tally: Tally::default(),
        figures: Figures::default(),
    };
    run.tally.take_foreign(&run.world);
    for index in 0..MACHINES {
        run.declare(index).await;
    }
    for number in 0..kills {
        run.round(seed, number).await;
        run.tally.look(&run.world);
        if (number + 1).is_multiple_of(50) {
            println!(
                "faults: {} kills, {} with a changing call in flight",
                number + 1,
                run.figures.in_flight
            );
        }
        if run.tally.found() {
            break;
        }
    }
    let rested = if run.tally.found() {
        Ok(())
    } else {
        run.come_to_rest().await
    };
    let Figures {
        kills: done,
        in_flight,
        ..
    } = run.figures;
    println!("faults: {:?}, seed {seed}", run.figures);
    for found in [&run.tally.duplicates, &run.tally.orphans, &run.tally.touched]
        .into_iter()
        .flatten()
    {
        println!("faults: {found}");
    }
    if let Err(why) = &rested {
        println!("faults: {why}");
    }
    println!(
        "faults: {done} kills, {} duplicates, {} orphans, {} foreign guests touched",
        run.tally.duplicates.len(),
        run.tally.orphans.len(),
        run.tally.touched.len()
    );
    assert!(!run.tally.found(), "see above; SEED={seed} repeats the orders");
    rested.unwrap_or_else(|what: String| panic!("SEED={seed}: {what}"));
    assert_eq!(done, kills);
    in_flight
}

/// The name and the first declaration of a machine: half are copies of the template, half have an empty disk.
fn machine(index: usize) -> (String, &'static str) {
    let spec = if index.is_multiple_of(2) {
        "{powerState: Running, memory: {size: 512Mi}, disks: [{name: scsi0, size: 1Gi}]}"
    } else {
        "{powerState: Running, source: {clone: {vmid: 9000}}}"
    };
    (format!("vm-{index}"), spec)
}

impl Run {
    async fn declare(&mut self, index: usize) {
        let (name, spec) = machine(index);
        self.world.apply_vm(&name, spec).await;
    }

    /// Declares again what was asked to go and is gone.
    async fn declare_again(&mut self) {
        for index in 0..MACHINES {
            if self.going[index]
                && self
                    .world
                    .vms()
                    .get_opt(&machine(index).0)
                    .await
                    .unwrap()
                    .is_none()
            {
                self.declare(index).await;
                self.going[index] = false;
                self.figures.remade += 1;
            }
        }
    }

    async fn change(&mut self, index: usize, change: Change) {
        if self.going[index] {
            return;
        }
        let name = machine(index).0;
        let spec = match change {
            Change::Remake => {
                self.world.delete_vm(&name).await;
                self.going[index] = true;
                return;
            }
            Change::Power(running) => json!({"powerState": if running { "Running" } else { "Stopped" }}),
            Change::Cores(cores) => json!({"cpu": {"cores": cores}}),
            Change::Grow(gibibytes) => {
                let disks = json!([{"name": "scsi0", "size": format!("{gibibytes}Gi")}]);
                let grown = self
                    .world
                    .try_patch_vm(&name, json!({"spec": {"disks": disks}}))
                    .await;
                let refused = |error: &kube::Error| error.to_string().contains("can't shrink");
                assert!(grown.as_ref().err().is_none_or(refused), "{grown:?}");
                return;
            }
        };
        self.world.patch_vm(&name, json!({"spec": spec})).await;
    }

    /// From one start of the program to its kill.
    async fn round(&mut self, seed: u64, number: u64) {
        let order = round(seed, number);
        self.world.sim.clear_faults();
        for method in ["POST", "PUT", "DELETE"] {
            self.world
                .sim
                .fault(Fault::delay(Matcher::new(method, "**"), CALL));
        }
        if let Some(skip) = order.lost_after {
            let lost = Fault::lost_answer(changing("POST")).skip(skip).times(1);
            self.world.sim.fault(lost);
            self.figures.lost += 1;
        }
        if let Some(above) = order.stranger
            && self.tally.stranger(&self.world, above)
        {
            self.figures.strangers += 1;
        }
        self.declare_again().await;
        for (index, change) in order.changes {
            self.change(index, change).await;
        }
        let hold = match order.kill {
            Kill::Ordered(mark, method, skip) => {
                Some(self.world.sim.hold_after(changing(method), mark, skip))
            }
            Kill::Random(_) => None,
        };
        let process = self.world.drover_process_settling(SETTLE).await;
        if let Some(outage) = order.outage {
            self.world.sim.stop_listener();
            tokio::time::sleep(outage).await;
            self.world.host_up().await;
            self.figures.outages += 1;
        }
        match (&hold, order.kill) {
            (Some(hold), _) => self.reach(hold, number).await,
            (None, Kill::Random(after)) => tokio::time::sleep(after).await,
            (None, Kill::Ordered(..)) => {}
        }
        self.kill(process);
        if let Some(hold) = hold {
            self.figures.ordered += 1;
            // What the host has in its hands it does, though nobody listens: soon, or when the next one runs.
            release_later(hold, order.late);
        }
    }

    /// Waits until a changing call stands at the mark; people go on meanwhile, so that there is something to do.
    async fn reach(&mut self, hold: &Hold, number: u64) {
        let mut next = usize::try_from(number).unwrap() % MACHINES;
        let begun = std::time::Instant::now();
        while tokio::time::timeout(Duration::from_secs(2), hold.reached())
            .await
            .is_err()
        {
            assert!(begun.elapsed() < PATIENCE, "kill {number}: no changing call came");
            self.declare_again().await;
            self.change(next, Change::Remake).await;
            next = (next + 1) % MACHINES;
        }
    }

    /// SIGKILL; a call counts as in flight if the host had it before and had not answered it afterwards.
    fn kill(&mut self, process: Process) {
        let open = |world: &World| -> Vec<u64> {
            let calls = world.sim.mutations();
            calls
                .iter()
                .filter(|call| call.status.is_none() && !call.answered)
                .map(|call| call.seq)
                .collect()
        };
        let before = open(&self.world);
        process.kill();
        let after = open(&self.world);
        self.figures.kills += 1;
        self.figures.in_flight += u64::from(before.iter().any(|seq| after.contains(seq)));
    }

    /// Nothing fails any more: everything becomes as declared, and is counted; then everything goes.
    async fn come_to_rest(&mut self) -> Result<(), String> {
        self.world.sim.clear_faults();
        let _last = self.world.drover_process_settling(SETTLE).await;
        let all_ready = within(REST, async || {
            self.declare_again().await;
            self.do_as_told().await;
            let machines = self.world.vms().list(&ListParams::default()).await.unwrap().items;
            let ready = |vm: &drover::api::VirtualMachine| {
                condition(vm, "Ready")
                    .is_some_and(|c| c.status == "True" && c.observed_generation == vm.metadata.generation)
                    && vm.metadata.deletion_timestamp.is_none()
            };
            (machines.len() == MACHINES && machines.iter().all(ready)).then_some(())
        })
        .await;
        let living = self.living().await;
        self.tally.look_at_rest(&self.world, &living);
        if all_ready.is_none() {
            return Err(format!("not all became Ready: {}", self.conditions().await));
        }
        for index in 0..MACHINES {
            self.world.delete_vm(&machine(index).0).await;
        }
        let all_gone = within(REST, async || self.living().await.is_empty().then_some(())).await;
        let living = self.living().await;
        self.tally.look_at_rest(&self.world, &living);
        match all_gone {
            Some(()) => Ok(()),
            None => Err(format!("not all went: {}", self.conditions().await)),
        }
    }

    /// A stranger may have come under a number that was reserved, while the task lists can't tell whether a copy of ours
    /// had been made there: that is held, and a person is told what to do.
    async fn do_as_told(&mut self) {
        for vm in self.world.vms().list(&ListParams::default()).await.unwrap().items {
            let held = condition(&vm, "Stalled").is_some_and(|c| c.reason == "Unidentified");
            let number = vm.status.as_ref().and_then(|s| s.vmid);
            if !held || !number.is_some_and(|vmid| self.tally.is_foreign(vmid)) {
                continue;
            }
            let name = vm.name_any();
            if vm.metadata.deletion_timestamp.is_none() {
                self.world.delete_vm(&name).await;
            }
            self.world
                .patch_vm(&name, json!({"metadata": {"finalizers": []}}))
                .await;
            let index = (0..MACHINES).find(|index| machine(*index).0 == name).unwrap();
            self.going[index] = true;
            self.figures.told += 1;
        }
    }

    /// The machines that are declared: UID and name.
    async fn living(&self) -> BTreeMap<String, String> {
        let machines = self.world.vms().list(&ListParams::default()).await.unwrap().items;
        machines
            .iter()
            .map(|vm| (vm.uid().unwrap(), vm.name_any()))
            .collect()
    }

    async fn conditions(&self) -> Value {
        let machines = self.world.vms().list(&ListParams::default()).await.unwrap().items;
        let told = |vm: &drover::api::VirtualMachine| {
            let ready = condition(vm, "Ready").map(|c| format!("{} {}: {}", c.status, c.reason, c.message));
            (vm.name_any(), json!(ready))
        };
        Value::Object(machines.iter().map(told).collect())
    }
}

/// The calls of a method that make or change a guest.
fn changing(method: &str) -> Matcher {
    Matcher::new(method, "/nodes/*/qemu**")
}

/// Lets a held call go on, after a while.
fn release_later(hold: Hold, after: Duration) {
    std::thread::spawn(move || {
        std::thread::sleep(after);
        drop(hold);
    });
}

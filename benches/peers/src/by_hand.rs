//! The simulator that one writes over tokio's paused clock: a task for each node, a channel for each mailbox, and for each
//! message a task that sleeps as long as the message takes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use distributed_data_consistency::protocol::Rng;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::gossip::{Outcome, SEED, TTL, Workload, latency_nanos, other};

type Message = (u64, u64);

struct World {
    rng: RefCell<Rng>,
    mailboxes: Vec<UnboundedSender<Message>>,
    delivered: Cell<u64>,
}

impl World {
    fn send(self: &Rc<Self>, from: usize, message: Message) {
        let (to, nanos) = {
            let mut rng = self.rng.borrow_mut();
            (other(from, self.mailboxes.len(), rng.bits()), latency_nanos(rng.bits()))
        };
        let world = Rc::clone(self);
        spawn_local(async move {
            sleep(Duration::from_nanos(nanos)).await;
            // At the end nobody listens any more.
            let _ = world.mailboxes[to].send(message);
        });
    }
}

pub fn run(workload: &Workload) -> Outcome {
    let workload = *workload;
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let local = LocalSet::new();
    let delivered = local.block_on(&runtime.expect("a runtime"), async move {
        let (done, mut is_done) = unbounded_channel();
        let (mailboxes, inboxes): (Vec<_>, Vec<_>) = (0..workload.node_count).map(|_| unbounded_channel()).unzip();
        let rng = RefCell::new(Rng::new(SEED, 0));
        let world = Rc::new(World { rng, mailboxes, delivered: Cell::new(0) });
        for (me, mut inbox) in inboxes.into_iter().enumerate() {
            let (world, done) = (Rc::clone(&world), done.clone());
            spawn_local(async move {
                let (mut heard, mut sum) = (0_u64, 0_u64);
                for id in 0..workload.first_message_count(me) as u64 {
                    world.send(me, (id, TTL));
                }
                while let Some((id, ttl)) = inbox.recv().await {
                    heard += 1;
                    sum = sum.wrapping_add(id ^ ttl);
                    world.delivered.set(world.delivered.get() + 1);
                    if world.delivered.get() == workload.delivery_count {
                        let _ = done.send(());
                    }
                    world.send(me, (id, ttl - 1));
                }
                std::hint::black_box((heard, sum));
            });
        }
        is_done.recv().await;
        world.delivered.get()
    });
    Outcome { delivered, at: 0, took: begun.elapsed() }
}

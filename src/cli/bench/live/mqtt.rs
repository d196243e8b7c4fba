//! Readings in over MQTT at quality 1: a gateway's arrays, or one Observation a message. The hub acknowledges each message to the
//! broker once what it brought is on disk.

use super::broker::{Broker, Publisher};
use super::ingest::{Figures, Run, STREAMS, start, time};
use super::server::Server;
use anyhow::ensure;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// How often messages are published; those of one tick go out together.
const TICK: Duration = Duration::from_millis(10);
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// What a message holds, in SensorThings' words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An array of so many Observations, each with its Datastream: below 8 KB, which some servers allow at most.
    Arrays(usize),
    /// One Observation, the Datastream in the topic.
    Single,
}

impl Form {
    fn readings(self) -> usize {
        match self {
            Self::Arrays(readings) => readings,
            Self::Single => 1,
        }
    }

    /// Topic and payload of the readings from number `n` on, appended to what they are written into.
    fn write(self, n: usize, times: &str, topic: &mut String, payload: &mut String) {
        let value = |payload: &mut String, n: usize| {
            // Writing to a string can't fail.
            let _ = write!(payload, r#""phenomenonTime":"{times}","result":{}.{}}}"#, n % 90, n % 10);
        };
        match self {
            Self::Single => {
                let _ = write!(topic, "v1.1/Datastreams({})/Observations", n % STREAMS);
                payload.push('{');
                value(payload, n);
            }
            Self::Arrays(readings) => {
                let _ = write!(topic, "city/gateways/{}/Observations", n / readings % 50);
                for i in n..n + readings {
                    let _ = write!(payload, r#"{}{{"Datastream":{{"@iot.id":{}}},"#, if i == n { '[' } else { ',' }, i % STREAMS);
                    value(payload, i);
                }
                payload.push(']');
            }
        }
    }

    fn feed(self, url: &str) -> String {
        let (topic, id, name): (_, _, fn(usize) -> String) = match self {
            Self::Arrays(_) => ("city/gateways/+/Observations", "/Datastream/@iot.id", |n| n.to_string()),
            Self::Single => ("v1.1/+/Observations", "{2}", |n| format!("Datastreams({n})")),
        };
        let mut feed = format!(
            "[[feed]]\nkind = \"mqtt\"\nid = \"broker\"\nbroker = \"{url}\"\ntopics = [\"{topic}\"]\nqos = 1\n[[feed.mapping]]\nid = \"{id}\"\n\
             time = \"/phenomenonTime\"\nobservations = [{{ value = \"/result\", observed_property = \"PM2.5\", unit = \"µg/m³\" }}]\n[feed.mapping.places]\n"
        );
        for i in 0..STREAMS {
            let _ = writeln!(feed, "\"{}\" = [{}, {}]", name(i), 118.2 + (i % 100) as f64 * 1e-3, 33.9 + (i / 100) as f64 * 1e-3);
        }
        feed
    }

    fn chart(self) -> fn(usize) -> String {
        match self {
            Self::Arrays(_) => |n| format!("broker/{n}/pm2_5"),
            Self::Single => |n| format!("broker/Datastreams({n})/pm2_5"),
        }
    }
}

pub async fn measure(form: Form, rate: u32, span: Duration) -> anyhow::Result<Figures> {
    let broker = Broker::start().await?;
    let hub = Arc::new(Server::start(&form.feed(&format!("mqtt://{}", broker.address))).await?);
    connected(&hub).await?;
    let mut publisher = Publisher::connect(broker.address).await?;
    let (start, broker_cpu_s) = (start(), broker.cpu_s());
    let run = Run::begin(hub, "broker", form.chart());
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut sent, mut topic, mut payload) = (0, String::new(), String::new());
    while run.elapsed() < span {
        tick.tick().await;
        let due = (run.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        while sent + form.readings() <= due {
            topic.clear();
            payload.clear();
            form.write(sent, &time(start, sent / STREAMS), &mut topic, &mut payload);
            publisher.publish(&topic, payload.as_bytes()).await?;
            sent += form.readings();
        }
        publisher.flush().await?;
    }
    publisher.all_acknowledged().await?;
    let figures = run.end(sent as u64, sent as u64).await?;
    let broker_cpu_s = broker.cpu_s().zip(broker_cpu_s).map(|(now, before)| now - before);
    Ok(Figures { broker: Some(broker.name.clone()), broker_cpu_s, ..figures })
}

/// Waits until the hub has subscribed.
async fn connected(hub: &Server) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !hub.feed("broker").await.is_ok_and(|f| f.connected) {
        ensure!(begun.elapsed() < CONNECT_WITHIN, "the hub has not subscribed within {} s", CONNECT_WITHIN.as_secs());
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::feed::FeedConfig;
    use serde_json::Value;

    #[test]
    fn messages_are_json_below_8_kb_and_the_scene_has_a_mapping_for_them() {
        for (form, readings) in [(Form::Arrays(80), 80), (Form::Single, 1)] {
            let (mut topic, mut payload) = (String::new(), String::new());
            form.write(123_456_720, &time(start(), 1), &mut topic, &mut payload);
            let message: Value = serde_json::from_str(&payload).unwrap();
            assert!(payload.len() <= 8_192 && message.as_array().map_or(1, Vec::len) == readings, "{} bytes", payload.len());
            #[derive(serde::Deserialize)]
            struct Scene {
                feed: Vec<FeedConfig>,
            }
            let scene: Scene = toml::from_str(&form.feed("mqtt://127.0.0.1:1")).unwrap();
            assert_eq!(scene.feed.len(), 1);
        }
    }
}

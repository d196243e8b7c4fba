//! What goes after its time: partitions by day, on every server.

use super::rollups::{CELLS, ROLLUPS};
use super::{ClickHouse, DAY_US};
use crate::history::answer::to_us;
use crate::history::{HistoryError, Retained, Retention};
use chrono::{DateTime, Utc};

/// The first day of which something is kept, counted since the Unix epoch.
fn first_kept(now: DateTime<Utc>, days: u32) -> i64 {
    (to_us(now).div_euclid(DAY_US) - i64::from(days.max(1)) + 1).max(0)
}

impl ClickHouse {
    /// Readings of a day go once its roll-ups will do without them, and with them what says how these were made.
    pub(super) async fn drop_old(&self, policy: Retention, now: DateTime<Utc>) -> Result<Retained, HistoryError> {
        let mut retained = Retained::default();
        let (raw_from, rollups_from) = (first_kept(now, policy.raw_days), first_kept(now, policy.rollup_days.max(policy.raw_days)));
        let kept_longest = self.date(rollups_from).await?;
        for day in self.old_days("observations", raw_from).await? {
            // ClickHouse writes days so that their order is that of their text.
            if day >= kept_longest {
                match self.close_day(&day).await {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => {
                        retained.kept.push(why);
                        continue;
                    }
                    Err(e) => {
                        retained.kept.push(format!("observations/day={day} has no roll-ups yet ({e})"));
                        continue;
                    }
                }
            }
            self.servers.everywhere(&self.names.keep_newest(&day)).await?;
            self.drop_day("observations", &day, &mut retained).await?;
            self.drop_day("touches", &day, &mut Retained::default()).await?;
        }
        for table in ROLLUPS.iter().map(|(table, _)| *table).chain([CELLS, "derived", "events"]) {
            for day in self.old_days(table, rollups_from).await? {
                self.drop_day(table, &day, &mut retained).await?;
            }
        }
        Ok(retained)
    }

    async fn date(&self, day: i64) -> Result<String, HistoryError> {
        let dates = self.rows(&format!("SELECT toString(toDate({day}))"), |row| row.text()).await?;
        Ok(dates.into_iter().next().unwrap_or_default())
    }

    async fn old_days(&self, table: &str, before: i64) -> Result<Vec<String>, HistoryError> {
        self.rows(&self.names.old_days(table, before), |row| row.text()).await
    }

    async fn drop_day(&self, table: &str, day: &str, retained: &mut Retained) -> Result<(), HistoryError> {
        self.servers.everywhere(&self.names.drop_day(table, day)).await?;
        retained.removed.push(format!("{table}/day={day}"));
        Ok(())
    }
}

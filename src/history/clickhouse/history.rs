//! The trait, one question a method.

use super::super::answer::to_us;
use super::super::{
    At, Batch, Bucket, Catalogue, EventQuery, Health, Hexagon, HexagonQuery, History, HistoryError, IncidentEvent, READINGS_MAX, Reading,
    ReadingsQuery, Retained, Retention, Select, SeriesQuery, State, Told,
};
use super::ClickHouse;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use std::sync::Arc;

fn told<T>(rows: Vec<T>) -> Told<T> {
    Told { rows, missing: Vec::new() }
}

impl History for ClickHouse {
    fn append(&self, batch: Batch) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(self.keep(batch))
    }

    fn catalogue(&self) -> BoxFuture<'_, Result<Arc<Catalogue>, HistoryError>> {
        Box::pin(async { Ok(self.known().catalogue.clone()) })
    }

    fn latest(&self, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        Box::pin(self.latest_by(At::as_it_happened(DateTime::<Utc>::MAX_UTC), select))
    }

    fn latest_at(&self, at: At, select: Select) -> BoxFuture<'_, Result<State, HistoryError>> {
        Box::pin(self.latest_by(at, select))
    }

    fn series(&self, query: SeriesQuery) -> BoxFuture<'_, Result<Told<Bucket>, HistoryError>> {
        Box::pin(async move { self.chart(query).await.map(told) })
    }

    fn readings(&self, query: ReadingsQuery) -> BoxFuture<'_, Result<Told<Reading>, HistoryError>> {
        Box::pin(async move { self.page(query).await.map(told) })
    }

    fn hexagons(&self, query: HexagonQuery) -> BoxFuture<'_, Result<Told<Hexagon>, HistoryError>> {
        Box::pin(async move { self.cells(query).await.map(told) })
    }

    fn events(&self, query: EventQuery) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        Box::pin(async move {
            let limit = query.limit.min(READINGS_MAX);
            let (from, until) = (to_us(query.from), to_us(query.to) - 1);
            self.events_between(from, until, query.known_by, query.incident.as_deref(), limit).await.map(told)
        })
    }

    fn incidents_at(&self, at: At) -> BoxFuture<'_, Result<Told<IncidentEvent>, HistoryError>> {
        Box::pin(async move { self.incidents(at).await.map(told) })
    }

    fn health(&self) -> BoxFuture<'_, Result<Health, HistoryError>> {
        Box::pin(self.extent())
    }

    fn settle(&self) -> BoxFuture<'_, Result<(), HistoryError>> {
        Box::pin(self.derive_all())
    }

    fn retain(&self, policy: Retention, now: DateTime<Utc>) -> BoxFuture<'_, Result<Retained, HistoryError>> {
        Box::pin(self.drop_old(policy, now))
    }
}

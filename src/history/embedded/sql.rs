//! Questions nobody foresaw, in SQL: DataFusion over the same files and what is still in memory.

use super::columns::{cell_schema, rollup_schema, sample_batch, sample_schema};
use super::folder::{Kind, failed};
use super::hot::Hot;
use super::{Embedded, Shared, event_sheet, table};
use crate::history::{HistoryError, READINGS_MAX, Sample};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use std::path::Path;
use std::sync::Arc;

/// Rows in Arrow's columns.
pub type Answer = Vec<RecordBatch>;

/// Memory one question may take; beyond it, it fails and says so.
const MEMORY_MAX: usize = 1 << 30;

/// Tables whose files hold everything, by the names they have in SQL.
const DERIVED: [(&str, Kind); 4] =
    [("rollup_1m", Kind::Minute), ("rollup_15m", Kind::Quarter), ("rollup_1h", Kind::Hour), ("cells_15m", Kind::Cells)];

impl Embedded {
    /// Answers a `SELECT` over `observations`, `datastreams`, `events`, `rollup_1m`, `rollup_15m`, `rollup_1h` and `cells_15m` (docs/history.md).
    /// At most [`READINGS_MAX`] rows are told.
    ///
    /// `observations` hold every row that was received: a reading that was corrected is there twice.
    ///
    /// # Errors
    /// In DataFusion's words; also when a question takes more than a gibibyte of memory, or wants to change anything.
    pub async fn sql(&self, question: &str) -> Result<Answer, HistoryError> {
        let question = question.to_owned();
        let ask = move |shared: &Shared| {
            // Threads of its own: a long question must not hold up those who keep and serve.
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.map_err(|e| failed(&shared.folder, format!("no threads to ask with: {e}")))?;
            runtime.block_on(shared.sql(&question)).map_err(|e| HistoryError::Query {
                what: "the SQL",
                value: e.to_string(),
                mend: "see the tables and columns in docs/history.md",
            })
        };
        self.asking(ask).await
    }
}

impl Shared {
    async fn sql(&self, question: &str) -> Result<Answer, DataFusionError> {
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(MEMORY_MAX, 1.0).build_arc()?;
        let context = SessionContext::new_with_config_rt(SessionConfig::new().with_information_schema(true), runtime);
        let hot = self.hot().clone();
        self.register(&context, &hot).await?;
        let reading_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let frame = context.sql_with_options(question, reading_only).await?;
        frame.limit(0, Some(READINGS_MAX))?.collect().await
    }

    async fn register(&self, context: &SessionContext, hot: &Hot) -> Result<(), DataFusionError> {
        let files = |kind: Kind| -> Vec<String> {
            let index = self.index();
            let folder = self.folder.join(kind.folder());
            index.parts().filter(|p| p.path.starts_with(&folder)).map(|p| p.path.display().to_string()).collect()
        };
        for (name, kind) in DERIVED {
            let schema = if kind == Kind::Cells { cell_schema() } else { rollup_schema() };
            register(context, name, &files(kind), schema, Vec::new()).await?;
        }
        let samples: Vec<Sample> = hot.samples().copied().collect();
        let rows = if samples.is_empty() { Vec::new() } else { vec![sample_batch(&samples)] };
        register(context, "observations", &files(Kind::Observations), sample_schema(), rows).await?;
        let events: Vec<_> = hot.chunks().flat_map(|c| c.events.clone()).collect();
        let rows = if events.is_empty() { Vec::new() } else { vec![event_sheet::rows(&events)] };
        register(context, "events", &files(Kind::Events), event_sheet::schema(), rows).await?;
        let datastreams: Vec<_> = hot.catalogue.iter().collect();
        let rows = MemTable::try_new(table::schema(), vec![vec![table::rows(&datastreams)]])?;
        context.register_table("datastreams", Arc::new(rows))?;
        Ok(())
    }
}

/// A table of files and of rows in memory.
async fn register(
    context: &SessionContext,
    name: &str,
    files: &[String],
    schema: SchemaRef,
    rows: Vec<RecordBatch>,
) -> Result<(), DataFusionError> {
    let in_memory = Arc::new(MemTable::try_new(schema.clone(), vec![rows])?);
    if files.is_empty() {
        context.register_table(name, in_memory)?;
        return Ok(());
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()));
    let urls: Result<Vec<_>, _> = files.iter().map(|f| ListingTableUrl::parse(url_of(Path::new(f)))).collect();
    let config = ListingTableConfig::new_with_multi_paths(urls?).with_listing_options(options).with_schema(schema);
    let sealed = context.read_table(Arc::new(ListingTable::try_new(config)?))?;
    let all = sealed.union(context.read_table(in_memory)?)?;
    context.register_table(name, all.into_view())?;
    Ok(())
}

/// Names of ours hold `=` and `%`; as a URL nothing of them is taken for a pattern.
fn url_of(file: &Path) -> String {
    url::Url::from_file_path(file).map_or_else(|()| file.display().to_string(), String::from)
}

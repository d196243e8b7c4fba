//! The collections and the schemas of their features; the catalogue shows the same.

/// A property of a feature.
pub struct Field {
    pub name: &'static str,
    /// Type and format in JSON Schema's words: `string`, `number`, `integer`, `boolean`, `date-time`.
    pub kind: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
}

pub struct Collection {
    pub id: &'static str,
    pub title: &'static str,
    pub title_zh: &'static str,
    pub description: &'static str,
    pub fields: &'static [Field],
    /// What `datetime` asks about.
    pub time: &'static str,
}

const fn field(name: &'static str, kind: &'static str, zh: &'static str, en: &'static str) -> Field {
    Field { name, kind, zh, en }
}

pub static COLLECTIONS: [Collection; 5] = [
    Collection {
        id: "incidents",
        title: "Incidents",
        title_zh: "事件",
        description: "What must be handled, of four domains, with its state in the lifecycle.",
        fields: &[
            field("id", "string", "编号", "id"),
            field("domain", "string", "领域", "public_order, urban_management, emergency or traffic"),
            field("category", "string", "类别", "path in the domain's category tree"),
            field("severity", "string", "等级", "critical, major, minor or info"),
            field("state", "string", "状态", "state of the lifecycle, from reported to evaluated"),
            field("title", "string", "标题", "title in Chinese"),
            field("title_en", "string", "英文标题", "title in English"),
            field("description", "string", "描述", "description"),
            field("area", "string", "辖区", "id of the smallest known area"),
            field("source", "string", "来源", "feed, screen or open311"),
            field("unit", "string", "处置力量", "id of the unit dispatched"),
            field("version", "integer", "版本", "how many events it is the sum of"),
            field("reported_at", "date-time", "上报时间", "when it was reported"),
            field("updated_at", "date-time", "更新时间", "when it last changed"),
            field("due_at", "date-time", "时限", "when it must be handled by"),
            field("held", "boolean", "挂账", "on hold"),
            field("extensions", "integer", "延期次数", "how often its limit was extended"),
            field("bounces", "integer", "退回次数", "how often a unit sent it back"),
        ],
        time: "from reported_at until it ended; open ones go on",
    },
    Collection {
        id: "units",
        title: "Units",
        title_zh: "力量",
        description: "Crews, vehicles and officers that can be dispatched, at their last known place.",
        fields: &[
            field("id", "string", "编号", "id"),
            field("call_sign", "string", "呼号", "call sign"),
            field("domain", "string", "领域", "public_order, urban_management, emergency or traffic"),
            field("unit_kind", "string", "类型", "patrol_car, fire_engine, ambulance, officer, ..."),
            field("state", "string", "状态", "available, en_route, on_scene or off_duty"),
            field("heading_deg", "number", "航向", "degrees clockwise from north"),
            field("seen_at", "date-time", "定位时间", "when the place was measured"),
        ],
        time: "seen_at",
    },
    Collection {
        id: "alerts",
        title: "Alerts",
        title_zh: "预警",
        description: "Public warnings (CAP 1.2): in force, announced, or over for less than a day. Exercises say so in status.",
        fields: &[
            field("id", "string", "编号", "CAP identifier"),
            field("feed", "string", "数据源", "id of the feed"),
            field("sender", "string", "发布单位", "CAP sender"),
            field("status", "string", "性质", "actual, exercise, system, test or draft; only actual is real"),
            field("severity", "string", "等级", "critical, major, minor or info"),
            field("event", "string", "类型", "what threatens"),
            field("headline", "string", "标题", "headline"),
            field("headline_en", "string", "英文标题", "headline in English"),
            field("description", "string", "描述", "description"),
            field("instruction", "string", "指引", "what to do"),
            field("areas", "array", "区域", "names of the areas"),
            field("sent", "date-time", "发布时间", "when it was sent"),
            field("effective", "date-time", "生效", "when it begins to hold"),
            field("expires", "date-time", "失效", "when it is over"),
            field("cancelled", "boolean", "取消", "cancelled by its sender"),
        ],
        time: "from effective until expires",
    },
    Collection {
        id: "areas",
        title: "Areas",
        title_zh: "辖区",
        description: "The hierarchy city, county, town, village, grid cell with borders.",
        fields: &[
            field("id", "string", "编码", "code after GB/T 2260, extended below the county"),
            field("name", "string", "名称", "name in Chinese"),
            field("name_en", "string", "英文名", "name in English"),
            field("level", "string", "层级", "city, county, town, village or grid_cell"),
            field("parent", "string", "上级", "id of the area above"),
        ],
        time: "none: areas match any time",
    },
    Collection {
        id: "sensors",
        title: "Sensors",
        title_zh: "传感器",
        description: "Datastreams with their latest reading; histories are served as SensorThings.",
        fields: &[
            field("id", "string", "编号", "feed and the source's id"),
            field("feed", "string", "数据源", "id of the feed"),
            field("sensor", "string", "站点", "name of the Thing"),
            field("observed_property", "string", "观测属性", "what is measured"),
            field("unit", "string", "单位", "unit symbol"),
            field("height_m", "number", "高度", "above ground, metres"),
            field("value", "number", "最新值", "latest reading"),
            field("quality", "string", "质量", "good or suspect"),
            field("phenomenon_time", "date-time", "观测时间", "time of the latest reading"),
            field("phenomenon_start", "date-time", "观测起始时间", "start of the span that the latest reading stands for, if any"),
        ],
        time: "phenomenon_time of the latest reading",
    },
];

impl Collection {
    pub fn named(id: &str) -> Option<&'static Collection> {
        COLLECTIONS.iter().find(|c| c.id == id)
    }
}

use super::*;
use proptest::prelude::*;

const NOW: i64 = 1_767_225_600_000;

fn parse(text: &str) -> Result<Filter, Unclear> {
    Filter::parse(text, NOW)
}

fn holds(text: &str) -> bool {
    parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).holds(&|path: &[String]| match path.join("/").as_str() {
        "result" => Value::Number(5.5),
        "phenomenonTime" => Value::Time(NOW),
        "ObservedProperty/name" => Value::Text("pm2_5".into()),
        "name" => Value::Text(" Luftgüte 5 ".into()),
        "location" => Value::Shape(std::sync::Arc::new(geo::Point::new(0.5, 0.5).into())),
        _ => Value::Null,
    })
}

#[test]
fn comparisons_and_their_joints() {
    assert!(holds("result gt 5 and result le 5.5"));
    assert!(!holds("not (result gt 5)") && !holds("not(result gt 5)"));
    assert!(holds("result lt 0 or result ge 5 and ObservedProperty/name eq 'pm2_5'"));
    assert!(holds("phenomenonTime ge 2026-01-01T00:00:00Z and phenomenonTime lt 2026-01-01T09:00:00+08:00"));
    assert!(!holds("phenomenonTime gt 2026-01-01T00:00:00.000Z"));
    assert!(holds("-1.5e0 lt result") && holds("absent eq null") && holds("result ne 'five'") && !holds("result eq 'five'"));
}

#[test]
fn arithmetic_by_its_precedence() {
    assert!(holds("result add 5 gt 10") && holds("result sub 0.5 eq 5") && holds("result mul 2 eq 11") && holds("result mod 2 eq 1.5"));
    assert!(holds("1 add 2 mul 3 eq 7") && holds("(1 add 2) mul 3 eq 9") && holds("7 div 2 eq 3.5") && holds("10 sub 2 sub 3 eq 5"));
    assert!(!holds("result div 0 gt 1") && !holds("name add 1 gt 0"), "what can't be computed is null");
    assert!(holds("phenomenonTime eq now() and phenomenonTime gt now() sub duration'PT1H'"));
    assert!(holds("now() sub phenomenonTime lt duration'P1DT2H3M4.5S'") && holds("duration'P1W' eq duration'P7D'"));
}

#[test]
fn functions_of_text_time_number_and_place() {
    for text in [
        "contains(name,'güte') and startswith(name,' Luft') and endswith(name,'5 ') and substringof('Luft',name)",
        "length(name) eq 12 and indexof(name,'te') eq 7 and indexof(name,'zz') eq -1",
        "substring(trim(name),4) eq 'güte 5' and substring(trim(name),4,4) eq 'güte'",
        "tolower(trim(name)) eq 'luftgüte 5' and toupper(name) eq ' LUFTGÜTE 5 ' and concat('a','b') eq 'ab'",
        "year(phenomenonTime) eq 2026 and month(phenomenonTime) eq 1 and day(phenomenonTime) eq 1 and hour(phenomenonTime) eq 0",
        "minute(phenomenonTime) eq 0 and second(phenomenonTime) eq 0 and fractionalseconds(phenomenonTime) eq 0",
        "date(phenomenonTime) eq 2026-01-01 and time(phenomenonTime) eq 00:00:00 and totaloffsetminutes(phenomenonTime) eq 0",
        "mindatetime() lt now() and maxdatetime() gt now()",
        "round(result) eq 6 and floor(result) eq 5 and ceiling(result) eq 6",
        "geo.distance(location, geography'POINT(0.5 2.5)') eq 2 and geo.length(geography'LINESTRING(0 0,3 4)') eq 5",
        "geo.intersects(location, geography'POLYGON((0 0,0 1,1 1,1 0,0 0))')",
        "st_within(location, geography'POLYGON((0 0,0 1,1 1,1 0,0 0))') and st_equals(location, geography'POINT(0.5 0.5)')",
        "st_disjoint(location, geography'POINT(5 5)') and not st_touches(location, geography'LINESTRING(0 0,1 1)')",
        "st_contains(geography'POLYGON((0 0,0 1,1 1,1 0,0 0))', location) and st_intersects(location, geography'POINT(0.5 0.5)')",
        "st_crosses(geography'LINESTRING(-1 0.5,2 0.5)', geography'POLYGON((0 0,0 1,1 1,1 0,0 0))')",
        "st_overlaps(geography'POLYGON((0 0,0 2,2 2,2 0,0 0))', geography'POLYGON((1 1,1 3,3 3,3 1,1 1))')",
        "st_relate(location, geography'POINT(5 5)', 'FF0FFF0F2')",
    ] {
        assert!(holds(text), "{text}");
    }
    assert!(!holds("contains(result,'5')") && !holds("year(name) eq 2026") && !holds("st_within(name, geography'POINT(0 0)')"));
}

#[test]
fn what_is_unclear_is_named_with_its_place() {
    let unclear = |text: &str| parse(text).unwrap_err().to_string();
    assert!(unclear("result is 5").starts_with("at character 8: expected a comparison"), "{}", unclear("result is 5"));
    assert_eq!(unclear("result gt"), "at character 10: expected a property or a literal, found the end");
    assert!(unclear("(result gt 5").contains("expected \")\", found the end"));
    assert!(unclear("name eq 'open").starts_with("at character 9: this text has no closing"));
    assert!(unclear("phenomenonTime gt 2026-13-01T00:00:00Z").starts_with("at character 19:"));
    assert!(unclear("reverse(name) eq 'a'").starts_with("at character 1: functions such as \"reverse\""));
    assert!(unclear("contains(name) eq 'a'").contains("takes 2 arguments, not 1"));
    assert!(unclear("substring(name) eq 'a'").contains("takes 2 or 3 arguments"));
    assert!(unclear("result add 5").contains("neither true nor false") && unclear("5 and result gt 1").contains("at character 1"));
    assert!(unclear("st_within(location, geography'CIRCLE(1 2)')").starts_with("at character 21: \"CIRCLE\""));
    assert!(unclear("now() gt duration'1 hour'").contains("no duration"));
    assert!(unclear(&"(".repeat(100)).contains("levels"));
    assert!(unclear(&"not ".repeat(100)).contains("levels"));
    assert!(unclear(&"result gt 5 and ".repeat(1000)).contains("at most"));
    assert!(unclear("result gt 5 result").contains("\"and\""));
}

#[test]
fn the_demand_is_only_what_every_branch_makes() {
    let demand = |text: &str| parse(text).unwrap().demand();
    let d = demand("phenomenonTime gt 1970-01-01T00:00:01Z and 1970-01-01T00:00:09Z ge phenomenonTime and Datastream/id eq 'a'");
    assert_eq!((d.from_ms, d.until_ms, d.datastream, d.whole), (Some(1001), Some(9000), Some(Value::Text("a".into())), true));
    let d = demand("phenomenonTime gt 1970-01-01T00:00:01Z and result gt 5");
    assert_eq!((d.from_ms, d.whole), (Some(1001), false));
    for text in ["phenomenonTime gt 1970-01-01T00:00:01Z or result gt 5", "not phenomenonTime gt 1970-01-01T00:00:01Z"] {
        assert_eq!(demand(text), Demand::default(), "{text}");
    }
    assert_eq!(demand("phenomenonTime gt now() sub duration'PT1H'").from_ms, Some(NOW - 3_599_999));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\PC|[ ()',a-z0-9:.-]|and |or |not |eq |add |contains\\(|st_within\\(|result |geography'POINT){0,40}") {
        if let Ok(filter) = parse(&text) {
            filter.holds(&|_: &[String]| Value::Number(1.0));
        }
    }
}

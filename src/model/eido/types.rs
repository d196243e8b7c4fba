//! Words of the EIDO registries (section 3) and ours.

use crate::model::feed::Filing;
use crate::model::incident::{Domain, IncidentState, Severity};

/// Where an incident type of the common registry (table 3-2, after APCO ANS 2.103.2-2019) is filed here; an unknown one under
/// emergencies. Of the registry's 250 types, those with a place in our trees are named; the rest goes by what kind of service it is for.
pub fn filing(code: &str, severity: Severity) -> Filing {
    let (domain, category) = match code {
        "MVA" | "MVAHR" | "MVAUNK" | "MVCP" => (Domain::Traffic, "traffic/accident/collision"),
        "MVAINJY" => (Domain::Traffic, "traffic/accident/injury"),
        "DISVEH" => (Domain::Traffic, "traffic/accident/breakdown"),
        "PARKING" => (Domain::Traffic, "traffic/parking"),
        "RECKDRV" | "DUI" | "CRIMTRAF" | "ELUDING" | "PURSUIT" | "TRAF" | "NCRTRANS" => (Domain::Traffic, "traffic/other"),
        "GASLEAK" | "GASLEAKI" | "GASLEAKO" | "ALRGAS" | "ALRNGAS" | "ALRPROPN" | "ODOR" => (Domain::Emergency, "emergency/accident/gas"),
        "HAZMAT" | "CHEMICAL" | "RADIAT" | "BIO" | "EXPLOS" | "ALRCO" | "ALRCO2" => (Domain::Emergency, "emergency/accident/hazmat"),
        "BLDCLPSE" | "BRGCLPSE" | "ENTRAP" | "XTRICATE" | "RESCUE" | "NCRELEV" => (Domain::Emergency, "emergency/accident/collapse"),
        "ELECHZD" | "HAZ" => (Domain::Emergency, "emergency/accident/power"),
        "FLOOD" | "WATERRES" | "DROWN" => (Domain::Emergency, "emergency/natural_disaster/flood"),
        "PANDEMIC" | "ALS" | "BLS" | "MCI" | "MVAMCI" | "ALRMED" | "ALRDEFIB" => (Domain::Emergency, "emergency/public_health/medical"),
        "ABDOM" | "ALLERGIC" | "BACK" | "BITE" | "BLEEDING" | "BURN" | "CARDIAC" | "CHESPAIN" | "CHOKE" | "DIABETIC" | "EXPOSURE"
        | "EYE" | "FALL" | "HEADACHE" | "HEMRG" | "OVRDOSE" | "PERUNCON" | "PREG" | "RESP" | "RESPARR" | "SEIZURE" | "SICK" | "STROKE"
        | "TRAUMA" | "NCRCPRF" => (Domain::Emergency, "emergency/public_health/medical"),
        "NOISE" => (Domain::UrbanManagement, "urban_management/construction/noise"),
        "DMPX" => (Domain::UrbanManagement, "urban_management/appearance/rubbish"),
        "PUBWKS" | "ANIMAL" | "NONEMERG" | "INFO" | "ADMIN" => (Domain::UrbanManagement, "urban_management/other"),
        "CRWD" | "CU1" | "CU2" | "CU3" | "CIVDIS" => (Domain::PublicOrder, "public_order/crowd/gathering"),
        "FIGHT" | "ASSAULT" | "DISORD" | "FAS" | "FASX" => (Domain::PublicOrder, "public_order/security/fight"),
        "LARCENY" | "BURGLARY" | "ROBBERY" | "PROPSTLN" | "CARJACK" => (Domain::PublicOrder, "public_order/security/theft"),
        "FRAUD" | "EXTORT" | "INTERNET" | "CNTRFT" => (Domain::PublicOrder, "public_order/security/fraud"),
        "PERMISS" | "RUNAWAY" | "ABDUCTF" | "ABDUCTNF" => (Domain::PublicOrder, "public_order/people/lost"),
        "CITASST" | "ASSIST" | "PERFND" => (Domain::PublicOrder, "public_order/people/help"),
        "FIREWRKS" | "FIRE" | "ALRF" | "ALRHEAT" | "ALRPULL" | "ALRWTR" | "ALRKPAD" | "ALRBOX" => {
            (Domain::Emergency, "emergency/accident/fire")
        }
        "FAM" | "FORCENTR" => (Domain::PublicOrder, "public_order/other"),
        // The registry's other types in F are fires: FAPT, FBRUSH, FVEH and so on.
        _ if code.starts_with('F') && code.len() > 3 => (Domain::Emergency, "emergency/accident/fire"),
        _ => (Domain::Emergency, "emergency/other"),
    };
    Filing { domain, category: category.into(), severity }
}

/// The registry's type for a category of ours, the nearest there is.
pub(super) fn registry_type(domain: Domain, category: &str) -> &'static str {
    let path = category.split_once('/').map_or("", |(_, path)| path);
    match (domain, path) {
        (Domain::Traffic, path) if path.starts_with("accident/injury") => "MVAINJY",
        (Domain::Traffic, path) if path.starts_with("accident/breakdown") => "DISVEH",
        (Domain::Traffic, path) if path.starts_with("accident") => "MVA",
        (Domain::Traffic, path) if path.starts_with("parking") => "PARKING",
        (Domain::Emergency, path) if path.starts_with("accident/fire") => "FOTHER",
        (Domain::Emergency, path) if path.starts_with("accident/gas") => "GASLEAK",
        (Domain::Emergency, path) if path.starts_with("accident/hazmat") => "HAZMAT",
        (Domain::Emergency, path) if path.starts_with("accident/collapse") => "BLDCLPSE",
        (Domain::Emergency, path) if path.starts_with("accident/power") => "ELECHZD",
        (Domain::Emergency, path) if path.starts_with("public_health/medical") => "ALS",
        (Domain::Emergency, _) => "ASSIST",
        (Domain::PublicOrder, path) if path.starts_with("security/fight") => "FIGHT",
        (Domain::PublicOrder, path) if path.starts_with("security/theft") => "LARCENY",
        (Domain::PublicOrder, path) if path.starts_with("security/fraud") => "FRAUD",
        (Domain::PublicOrder, path) if path.starts_with("people/lost") => "PERMISS",
        (Domain::PublicOrder, path) if path.starts_with("crowd") => "CRWD",
        (Domain::PublicOrder, _) => "DISORD",
        (Domain::UrbanManagement, path) if path.starts_with("construction/noise") => "NOISE",
        (Domain::UrbanManagement, _) => "PUBWKS",
        (Domain::Traffic, _) => "NONEMERG",
    }
}

/// `incidentCommonPriorityNumber`, 0 to 10 with 10 the highest, on our four.
pub fn severity(priority: Option<u64>) -> Severity {
    match priority {
        Some(8..) => Severity::Critical,
        Some(5..=7) => Severity::Major,
        Some(2..=4) | None => Severity::Minor,
        Some(0..=1) => Severity::Info,
    }
}

/// The middle of each range of [`severity`].
pub(super) fn priority(severity: Severity) -> u64 {
    match severity {
        Severity::Critical => 9,
        Severity::Major => 6,
        Severity::Minor => 3,
        Severity::Info => 1,
    }
}

/// The registry's words for a state (table 3-3): what it is, and what has been reached.
pub(super) fn statuses(state: IncidentState) -> &'static [&'static str] {
    match state {
        IncidentState::Reported | IncidentState::Verifying | IncidentState::Accepted | IncidentState::Registered => &["Active"],
        IncidentState::Dispatched => &["Active", "ResourcesAssigned"],
        IncidentState::EnRoute => &["Active", "ResourcesEnroute"],
        IncidentState::Handling | IncidentState::Handled | IncidentState::Checking => &["Active", "ResourcesOnscene"],
        IncidentState::Closed | IncidentState::Evaluated => &["Closed"],
        IncidentState::Duplicate | IncidentState::Void => &["Cancelled"],
    }
}

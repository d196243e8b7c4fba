//! Definitions of what is measured and in what: CF standard names and QUDT units where there is one, else our own names.

/// Address of the definition of an observed property in lower snake case.
pub fn property(name: &str) -> String {
    let cf = match name {
        "pm2_5" => "mass_concentration_of_pm2p5_ambient_aerosol_particles_in_air",
        "pm10" => "mass_concentration_of_pm10_ambient_aerosol_particles_in_air",
        "no2" => "mass_concentration_of_nitrogen_dioxide_in_air",
        "so2" => "mass_concentration_of_sulfur_dioxide_in_air",
        "o3" => "mass_concentration_of_ozone_in_air",
        "co" => "mass_concentration_of_carbon_monoxide_in_air",
        "temperature" => "air_temperature",
        "humidity" => "relative_humidity",
        "wind_speed" => "wind_speed",
        "noise" => "sound_pressure_level_in_air",
        _ => return format!("urn:yiping:property:{name}"),
    };
    format!("http://vocab.nerc.ac.uk/standard_name/{cf}/")
}

/// Name and address of the definition of a unit by its symbol.
pub fn unit(symbol: &str) -> (String, String) {
    let (name, qudt) = match symbol {
        "µg/m³" | "μg/m³" | "ug/m3" => ("microgram per cubic metre", "MicroGM-PER-M3"),
        "mg/m³" => ("milligram per cubic metre", "MilliGM-PER-M3"),
        "dB" | "dB(A)" => ("decibel", "DeciB"),
        "°C" | "℃" => ("degree Celsius", "DEG_C"),
        "%" => ("percent", "PERCENT"),
        "m" => ("metre", "M"),
        "mm" => ("millimetre", "MilliM"),
        "m/s" => ("metre per second", "M-PER-SEC"),
        "km/h" => ("kilometre per hour", "KiloM-PER-HR"),
        "hPa" => ("hectopascal", "HectoPA"),
        "" => ("dimensionless", "UNITLESS"),
        _ => return (symbol.to_owned(), format!("urn:yiping:unit:{symbol}")),
    };
    (name.to_owned(), format!("http://qudt.org/vocab/unit/{qudt}"))
}

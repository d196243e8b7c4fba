//! Where a ClickHouse is, in one line: `clickhouse://USER@HOST:8123,HOST2:8123/DATABASE?cluster=NAME`.

use super::ClickHouseConfig;
use std::str::FromStr;
use url::Url;

/// The port of ClickHouse's HTTP interface, and that with TLS.
const PORTS: [&str; 2] = ["8123", "8443"];
const SHAPE: &str = "clickhouse://USER@HOST:8123,HOST2:8123/DATABASE?cluster=NAME";

/// Why a line is no address of a ClickHouse, with what to write in its place.
#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
#[error("{what}; write it like {SHAPE}")]
pub struct AddressError {
    what: String,
}

fn wrong<T>(what: impl Into<String>) -> Result<T, AddressError> {
    Err(AddressError { what: what.into() })
}

impl FromStr for ClickHouseConfig {
    type Err = AddressError;

    /// All servers of the cluster by their HTTP ports, the user (else `default`), the database, and as options the cluster's name and `secure` for TLS.
    /// The password is no part of it: others on the machine see what a program was started with.
    fn from_str(address: &str) -> Result<Self, AddressError> {
        let Some(rest) = address.strip_prefix("clickhouse://") else { return wrong("it does not begin with clickhouse://") };
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let Some((authority, database)) = place.split_once('/') else { return wrong("no database is named") };
        let (user, hosts) = match authority.rsplit_once('@') {
            Some((user, hosts)) => (Some(user_name(user)?), hosts),
            None => (None, authority),
        };
        let mut config = Self { urls: Vec::new(), cluster: None, database: plain("the database", database)?, user: None };
        let mut secure = false;
        for (key, value) in url::form_urlencoded::parse(options.as_bytes()) {
            match (&*key, &*value) {
                ("cluster", name) => config.cluster = Some(plain("the cluster", name)?),
                ("secure", "" | "1" | "true") => secure = true,
                ("secure", "0" | "false") => secure = false,
                (key, value) => return wrong(format!("{key}={value} is unknown; there are cluster=NAME and secure=1")),
            }
        }
        for host in hosts.split(',') {
            config.urls.push(server(host.trim(), secure)?);
        }
        if config.urls.len() > 1 && config.cluster.is_none() {
            return wrong("several servers and no cluster: name it as their remote_servers does");
        }
        config.user = user.map(|name| (name, String::new()));
        Ok(config)
    }
}

impl ClickHouseConfig {
    /// The same with a password for its user, who is `default` when nobody is named.
    pub fn with_password(self, password: String) -> Self {
        let name = self.user.map_or_else(|| "default".to_owned(), |(name, _)| name);
        Self { user: Some((name, password)), ..self }
    }
}

fn user_name(user: &str) -> Result<String, AddressError> {
    if user.contains(':') {
        return wrong("a password stands in the address, where others see it: put it into YIPING_CLICKHOUSE_PASSWORD instead");
    }
    let pair = format!("u={}", user.replace('+', "%2B").replace('&', "%26"));
    let name = url::form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, name)| name.into_owned());
    // Both go into a header of HTTP.
    match name.is_empty() || name.chars().any(char::is_control) {
        true => wrong("the user before @ has no name"),
        false => Ok(name),
    }
}

/// A name that stands in statements.
fn plain(what: &str, name: &str) -> Result<String, AddressError> {
    match !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        true => Ok(name.to_owned()),
        false => wrong(format!("{what} is called {name:?}: use letters, digits and _ only")),
    }
}

fn server(host: &str, secure: bool) -> Result<Url, AddressError> {
    let scheme = if secure { "https" } else { "http" };
    // `[::1]` holds colons of its own.
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    let port = if has_port { String::new() } else { format!(":{}", PORTS[usize::from(secure)]) };
    match Url::parse(&format!("{scheme}://{host}{port}/")) {
        Ok(url) if !host.is_empty() && url.path() == "/" && url.query().is_none() && url.fragment().is_none() => Ok(url),
        _ => wrong(format!("{host:?} is no host with a port")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<ClickHouseConfig, String> {
        address.parse::<ClickHouseConfig>().map_err(|e| e.to_string())
    }

    #[test]
    fn an_address_names_servers_user_database_and_cluster() {
        let config = parse("clickhouse://hub@ch-1:8123,ch-2,[::1]:9123/city?cluster=suqian").unwrap();
        let urls: Vec<&str> = config.urls.iter().map(Url::as_str).collect();
        assert_eq!(urls, ["http://ch-1:8123/", "http://ch-2:8123/", "http://[::1]:9123/"]);
        assert_eq!((config.database.as_str(), config.cluster.as_deref()), ("city", Some("suqian")));
        assert_eq!(config.user, Some(("hub".to_owned(), String::new())));
        let one = parse("clickhouse://ch/city?secure=1").unwrap();
        assert_eq!((one.urls[0].as_str(), &one.cluster, &one.user), ("https://ch:8443/", &None, &None));
        assert_eq!(parse("clickhouse://a%40b@ch/city").unwrap().user.unwrap().0, "a@b");
        assert_eq!(one.with_password("x".into()).user, Some(("default".into(), "x".into())));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_with_the_mend() {
        for (address, said) in [
            ("clickhouse:city", "begin with clickhouse://"),
            ("clickhouse://ch", "no database"),
            ("clickhouse://ch/", "letters, digits"),
            ("clickhouse://ch/a;b", "letters, digits"),
            ("clickhouse:///city", "no host"),
            ("clickhouse://a:x,b/city?cluster=c", "no host"),
            ("clickhouse://me:secret@ch/city", "YIPING_CLICKHOUSE_PASSWORD"),
            ("clickhouse://@ch/city", "no name"),
            ("clickhouse://a,b/city", "no cluster"),
            ("clickhouse://a/city?clutser=c", "clutser=c is unknown"),
        ] {
            let error = parse(address).unwrap_err();
            assert!(error.contains(said) && error.contains(SHAPE), "{address}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let shown = format!("{:?}", parse("clickhouse://hub@ch/city").unwrap().with_password("open sesame".into()));
        assert!(shown.contains("hub") && !shown.contains("sesame"), "{shown}");
    }
}

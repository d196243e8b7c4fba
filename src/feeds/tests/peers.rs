//! Real servers as processes on loopback, certificates made by openssl, and a wire that can be cut without anyone being told.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that ends with its owner.
pub struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts `program` and waits until something listens on `port`.
    pub async fn start(program: &Path, args: &[&str], port: u16) -> Server {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}; scripts/setup installs it", program.display()));
        let mut server = Server(child);
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return server;
            }
            assert!(server.0.try_wait().unwrap().is_none(), "{} ended at once", program.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{}: nothing listens on {port}", program.display());
    }

    /// Ends it as an administrator would (SIGTERM), so that it can save what it has.
    pub fn stop(mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// The broker of Debian's package; Debian puts it where ordinary users don't look.
pub fn mosquitto() -> PathBuf {
    let sbin = PathBuf::from("/usr/sbin/mosquitto");
    if sbin.exists() { sbin } else { "mosquitto".into() }
}

/// nats-server as scripts/setup installs it, else one on the path; `None`: there is none.
pub fn nats_server() -> Option<PathBuf> {
    installed("nats/bin/nats-server", "nats-server")
}

/// The same of taky, a TAK server in Python.
pub fn taky() -> Option<PathBuf> {
    installed("taky/bin/taky", "taky")
}

fn installed(in_cache: &str, name: &str) -> Option<PathBuf> {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let own = cache.map(|c| c.join("yiping/peers").join(in_cache)).filter(|p| p.exists());
    own.or_else(|| Command::new(name).arg("--version").output().is_ok().then(|| name.into()))
}

/// `ca.pem`, and `NAME.pem` with `NAME.key` for a server on loopback and a client, in `dir`.
pub fn certificates(dir: &Path) {
    let extension = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
    std::fs::write(dir.join("ext"), extension).unwrap();
    let run = |args: &str| {
        let out = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().expect("openssl; scripts/setup installs it");
        assert!(out.status.success(), "openssl {args}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    run(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ca -days 2"));
    for name in ["server", "client"] {
        run(&format!("req -new {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        run(&format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem -extfile ext"));
    }
}

/// Passes connections on to a server, until it is cut: from then on the old ones stay open and silent, new ones pass.
pub struct Wire {
    pub port: u16,
    cuts: Arc<watch::Sender<u64>>,
}

impl Wire {
    pub async fn to(port: u16) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap().port();
        let cuts = Arc::new(watch::Sender::new(0));
        let seen = cuts.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await;
                let Ok(far) = far else { continue };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                tokio::spawn(pass(near_read, far_write, seen.subscribe()));
                tokio::spawn(pass(far_read, near_write, seen.subscribe()));
            }
        });
        Wire { port: here, cuts }
    }

    pub fn cut(&self) {
        self.cuts.send_modify(|n| *n += 1);
    }
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, mut cut: watch::Receiver<u64>) {
    let mut buffer = vec![0; 8192];
    loop {
        tokio::select! {
            read = from.read(&mut buffer) => match read {
                Ok(n) if n > 0 => {
                    if to.write_all(&buffer[..n]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            // Both ends are held open, and nobody reads or writes any more.
            _ = cut.changed() => std::future::pending::<()>().await,
        }
    }
}

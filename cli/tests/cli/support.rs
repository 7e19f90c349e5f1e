use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A user's files: an app and a runtime directory of its own, so that tests see only their own nodes.
pub(crate) struct Fixture {
    directory: TempDir,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Fixture {
    /// Without an app.
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory") }
    }

    /// With that manifest in `app`.
    pub(crate) fn with_app(manifest: &str) -> Self {
        let fixture = Self::new();
        fixture.write("app/rusm.toml", manifest.as_bytes());
        fixture
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("it can be made");
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }

    /// A component of that text format.
    pub(crate) fn component(&self, path: &str, text: &str) -> PathBuf {
        self.write(path, &wat::parse_str(text).expect("a component"))
    }

    /// `rusm` in this fixture's directory.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rusm"));
        command.args(args).current_dir(self.directory.path()).env("XDG_RUNTIME_DIR", self.directory.path());
        command.env_remove("RUSM_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `rusm` to its end.
    pub(crate) fn rusm(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().expect("rusm can be run");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts `rusm serve` with these arguments, and waits until it says that it is ready.
    pub(crate) fn serve(&self, args: &[&str]) -> Served {
        self.start(&[&["serve"], args].concat())
    }

    /// Starts `rusm node` as that member of this fixture's cluster, which is made at first need.
    pub(crate) fn member(&self, name: &str, args: &[&str], join: &[&Served]) -> Served {
        if !self.path("cluster").exists() {
            self.rusm(&["cluster", "init"]).check(0, &[], &[]);
        }
        let folder = format!("cluster/nodes/{name}");
        if !self.path(&folder).exists() {
            self.rusm(&["cluster", "issue", name]).check(0, &[], &[]);
        }
        let mut command: Vec<String> = ["node", "--listen", "127.0.0.1:0", "--cert"].map(str::to_owned).into();
        command.push(folder);
        for other in join {
            command.extend(["--join".to_owned(), other.cluster_address()]);
        }
        let command: Vec<&str> = command.iter().map(String::as_str).chain(args.iter().copied()).collect();
        self.start(&command)
    }

    fn start(&self, args: &[&str]) -> Served {
        let mut child =
            self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rusm can be run");
        let stdout = lines(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        let mut served = Served { child, stderr, said: RefCell::default(), ready: String::new() };
        match stdout.recv_timeout(PATIENCE) {
            Ok(ready) => served.ready = ready,
            Err(error) => panic!("{error}: {:?}", served.kill()),
        }
        served
    }
}

/// The lines of a stream, as they come.
fn lines(stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A node under way. It is killed when this is dropped.
pub(crate) struct Served {
    child: Child,
    stderr: mpsc::Receiver<String>,
    /// What it has written to its standard error and was looked at.
    said: RefCell<String>,
    /// The first line that it printed.
    pub(crate) ready: String,
}

impl Served {
    pub(crate) fn os_pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens for other nodes.
    pub(crate) fn cluster_address(&self) -> String {
        let line = self.until_logged("a member of its cluster");
        let (_, address) = line.split_once("address=").expect("it says where it listens");
        address.split(' ').next().expect("an address").to_owned()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.os_pid().to_string()]).status();
        assert!(status.expect("kill can be run").success());
    }

    /// Waits for a line of its log with that text.
    pub(crate) fn until_logged(&self, text: &str) -> String {
        if let Some(line) = self.said.borrow().lines().find(|line| line.contains(text)) {
            return line.to_owned();
        }
        loop {
            match self.stderr.recv_timeout(PATIENCE) {
                Ok(line) => {
                    *self.said.borrow_mut() += &format!("{line}\n");
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("{text:?} was not logged, {error}: {}", self.said.borrow()),
            }
        }
    }

    /// Waits until it has ended.
    pub(crate) fn wait(mut self) -> Ended {
        let status = self.child.wait().expect("it is ours");
        Ended { code: status.code(), stdout: self.ready.clone(), stderr: self.stderr() }
    }

    fn kill(&mut self) -> String {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.stderr()
    }

    fn stderr(&mut self) -> String {
        let rest: String = self.stderr.iter().map(|line| line + "\n").collect();
        self.said.take() + &rest
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Ended {
    /// With that exit code, and all of these somewhere in what it printed.
    #[track_caller]
    pub(crate) fn check(&self, code: i32, stdout: &[&str], stderr: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for text in stdout {
            assert!(self.stdout.contains(text), "{text:?} is not in the output of {self:#?}");
        }
        for text in stderr {
            assert!(self.stderr.contains(text), "{text:?} is not in the errors of {self:#?}");
        }
    }
}

/// A path as it stands in messages.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

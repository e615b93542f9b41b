//! A folder with a docker, a workspace and a registry in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use orket_actors::clock::VirtualClock;
use orket_actors::port::clock::SharedClock;
use orket_sandboxes::ports::PortProbe;
use orket_sandboxes::{
    DockerCompose, NewSandbox, Options, Sandbox, SandboxStatus, Sandboxes, TechStack,
};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// All ports are free.
pub struct AllFree;

impl PortProbe for AllFree {
    fn is_free(&self, _port: u16) -> bool {
        true
    }
}

/// See the file's head.
pub struct House {
    _place: Option<tempfile::TempDir>,
    root: PathBuf,
    pub clock: Arc<VirtualClock>,
}

impl House {
    pub fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("state/projects")).unwrap();
        for name in ["backend", "frontend"] {
            fs::create_dir_all(root.join("workspace/agent_output").join(name)).unwrap();
        }
        let docker = root.join("docker");
        fs::write(&docker, include_str!("docker.sh")).unwrap();
        fs::set_permissions(&docker, Permissions::from_mode(0o755)).unwrap();
        Self {
            _place: Some(place),
            root,
            clock: Arc::default(),
        }
    }

    /// The house of another process.
    pub fn at(root: &Path) -> Self {
        Self {
            _place: None,
            root: root.to_owned(),
            clock: Arc::default(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.root
    }

    pub fn registry(&self) -> PathBuf {
        self.root.join("durable/sandboxes")
    }

    pub fn options(&self) -> Options {
        Options {
            programs: vec![vec![self.root.join("docker").into(), "compose".into()]],
            ports: Arc::new(AllFree),
            clock: Arc::clone(&self.clock) as SharedClock,
            ..Options::new(self.registry())
        }
    }

    pub fn open(&self) -> DockerCompose {
        DockerCompose::open(self.options()).unwrap()
    }

    pub fn wanted(&self, rock: &str) -> NewSandbox {
        NewSandbox {
            rock_id: rock.to_owned(),
            project_name: format!("Project {rock}"),
            tech_stack: TechStack::FastapiReactPostgres,
            workspace_path: self.root.join("workspace").to_str().unwrap().to_owned(),
        }
    }

    /// Tells docker something.
    pub fn tell(&self, name: &str, text: &str) {
        fs::write(self.root.join("state").join(name), text).unwrap();
    }

    pub fn untell(&self, name: &str) {
        fs::remove_file(self.root.join("state").join(name)).unwrap();
    }

    pub fn state(&self, name: &str) -> String {
        fs::read_to_string(self.root.join("state").join(name)).unwrap_or_default()
    }

    /// Calls of docker compose with this command.
    pub fn calls(&self, command: &str) -> Vec<String> {
        let calls = self.state("calls");
        let is_of = |line: &&str| line.split(' ').any(|word| word == command);
        calls.lines().filter(is_of).map(str::to_owned).collect()
    }

    /// Projects that docker runs.
    pub fn projects(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.join("state/projects")).unwrap();
        let mut names: Vec<String> = entries
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A project that somebody else made.
    pub fn project(&self, name: &str, home: &str) {
        let folder = self.root.join("state/projects").join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), "/elsewhere/docker-compose.yml").unwrap();
        fs::write(folder.join("home"), home).unwrap();
        fs::write(folder.join("service-db"), "running").unwrap();
    }

    pub async fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < DEADLINE, "{what} does not come");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a sandbox stands so.
    pub async fn until_is(&self, all: &DockerCompose, id: &str, status: SandboxStatus) -> Sandbox {
        let begun = Instant::now();
        loop {
            if let Some(it) = find(all, id).await
                && it.status == status
            {
                return it;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "{id} does not become {status:?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until bringing something up hangs; the process that it waits for.
    pub async fn until_it_hangs(&self) -> i32 {
        let file = self.root.join("state/sleeper");
        self.until("the hanging", || file.exists()).await;
        let pid = self.state("sleeper").trim().parse().unwrap();
        assert!(lives(pid));
        pid
    }
}

/// Whether a process lives.
pub fn lives(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

pub async fn find(all: &DockerCompose, id: &str) -> Option<Sandbox> {
    all.list().await.unwrap().into_iter().find(|it| it.id == id)
}

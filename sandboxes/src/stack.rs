//! What the stacks are made of: their services, as facts. [`crate::compose`] makes a file of them.

use crate::address::Address;
use crate::sandbox::{Ports, TechStack};
use crate::secret::Secrets;

/// Who all databases are opened as, and what is opened in them.
const USER: &str = "orket";
const DATABASE_NAME: &str = "app";
const ADMIN_EMAIL: &str = "admin@orket.local";

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// PostgreSQL 16.
    Postgres,
    /// MongoDB 7.
    Mongo,
    /// SQL Server 2022.
    SqlServer,
}

/// Where a service comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A folder that was built, with a Dockerfile.
    Build(&'static str),
    /// An image.
    Image(&'static str),
}

/// How a service is seen to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Something listens on this port of the container.
    Listens(u16),
    /// A command of the container's shell succeeds.
    Shell(&'static str),
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: &'static str,
    /// Where it comes from.
    pub(crate) source: Source,
    /// Its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Ports of this machine, and where in the container they lead.
    pub(crate) ports: Vec<(u16, u16)>,
    /// A named volume, and where in the container it is.
    pub(crate) volume: Option<(&'static str, &'static str)>,
    /// How it is seen to work.
    pub(crate) check: Check,
    /// The service that must work before it starts.
    pub(crate) after: Option<&'static str>,
    /// Memory that it cannot do with less than, MiB.
    pub(crate) least_memory_mb: u64,
}

impl TechStack {
    /// Its database.
    #[must_use]
    pub const fn database(self) -> Database {
        match self {
            Self::FastapiReactPostgres | Self::NodeReactPostgres | Self::DjangoReactPostgres => {
                Database::Postgres
            }
            Self::FastapiVueMongo => Database::Mongo,
            Self::CsharpRazorEf => Database::SqlServer,
        }
    }

    /// The names of its services.
    #[must_use]
    pub const fn services(self) -> &'static [&'static str] {
        match self.database() {
            Database::Postgres => &["api", "frontend", "db", "pgadmin"],
            Database::Mongo => &["api", "frontend", "mongo", "mongo-express"],
            Database::SqlServer => &["app", "db"],
        }
    }

    /// The folders that its containers are built from.
    #[must_use]
    pub const fn contexts(self) -> &'static [&'static str] {
        match self {
            Self::CsharpRazorEf => &["backend"],
            Self::FastapiReactPostgres
            | Self::FastapiVueMongo
            | Self::NodeReactPostgres
            | Self::DjangoReactPostgres => &["backend", "frontend"],
        }
    }

    /// Where the database is from this machine, without a password.
    pub(crate) fn database_url(self, ports: &Ports) -> Address {
        let port = ports.database;
        Address::new(&match self.database() {
            Database::Postgres => format!("postgresql://{USER}@localhost:{port}/{DATABASE_NAME}"),
            Database::Mongo => format!("mongodb://localhost:{port}/{DATABASE_NAME}"),
            Database::SqlServer => {
                format!("Server=localhost,{port};Database={DATABASE_NAME};User Id=sa")
            }
        })
    }

    /// All services.
    pub(crate) fn parts(self, ports: &Ports, secrets: &Secrets) -> Vec<Service> {
        let mut parts = match self {
            Self::FastapiReactPostgres | Self::DjangoReactPostgres => {
                let url = postgres_url(secrets);
                vec![
                    api("db", vec![("DATABASE_URL", url)], ports),
                    frontend("REACT_APP_API_URL", ports),
                ]
            }
            Self::NodeReactPostgres => {
                let environment = vec![
                    ("DATABASE_URL", postgres_url(secrets)),
                    ("PORT", "8000".to_owned()),
                    ("NODE_ENV", "production".to_owned()),
                ];
                vec![
                    api("db", environment, ports),
                    frontend("REACT_APP_API_URL", ports),
                ]
            }
            Self::FastapiVueMongo => {
                let url = format!(
                    "mongodb://{USER}:{}@mongo:27017/{DATABASE_NAME}?authSource=admin",
                    secrets.database.reveal()
                );
                vec![
                    api("mongo", vec![("MONGO_URL", url)], ports),
                    frontend("VUE_APP_API_URL", ports),
                ]
            }
            Self::CsharpRazorEf => vec![razor(ports, secrets)],
        };
        parts.extend(match self.database() {
            Database::Postgres => postgres(ports, secrets),
            Database::Mongo => mongo(ports, secrets),
            Database::SqlServer => sql_server(ports, secrets),
        });
        parts
    }
}

fn postgres_url(secrets: &Secrets) -> String {
    format!(
        "postgresql://{USER}:{}@db:5432/{DATABASE_NAME}",
        secrets.database.reveal()
    )
}

fn service(name: &'static str, source: Source, check: Check) -> Service {
    Service {
        name,
        source,
        environment: Vec::new(),
        ports: Vec::new(),
        volume: None,
        check,
        after: None,
        least_memory_mb: 0,
    }
}

fn api(after: &'static str, environment: Vec<(&'static str, String)>, ports: &Ports) -> Service {
    Service {
        environment,
        ports: vec![(ports.api, 8000)],
        after: Some(after),
        ..service("api", Source::Build("backend"), Check::Listens(8000))
    }
}

/// Browsers ask the API, so its address is that of this machine.
fn frontend(variable: &'static str, ports: &Ports) -> Service {
    Service {
        environment: vec![(variable, format!("http://localhost:{}", ports.api))],
        ports: vec![(ports.frontend, 3000)],
        after: Some("api"),
        ..service("frontend", Source::Build("frontend"), Check::Listens(3000))
    }
}

fn postgres(ports: &Ports, secrets: &Secrets) -> Vec<Service> {
    let database = Service {
        environment: vec![
            ("POSTGRES_USER", USER.to_owned()),
            ("POSTGRES_PASSWORD", secrets.database.reveal().to_owned()),
            ("POSTGRES_DB", DATABASE_NAME.to_owned()),
        ],
        ports: vec![(ports.database, 5432)],
        volume: Some(("db-data", "/var/lib/postgresql/data")),
        ..service(
            "db",
            Source::Image("postgres:16"),
            Check::Shell("pg_isready -q -U orket -d app"),
        )
    };
    let page = Service {
        environment: vec![
            ("PGADMIN_DEFAULT_EMAIL", ADMIN_EMAIL.to_owned()),
            (
                "PGADMIN_DEFAULT_PASSWORD",
                secrets.admin.reveal().to_owned(),
            ),
            // `.local` is no public domain, which pgAdmin refuses otherwise.
            (
                "PGADMIN_CONFIG_ALLOW_SPECIAL_EMAIL_DOMAINS",
                "['local']".to_owned(),
            ),
        ],
        ports: ports
            .admin_tool
            .map(|port| (port, 80))
            .into_iter()
            .collect(),
        after: Some("db"),
        ..service(
            "pgadmin",
            Source::Image("dpage/pgadmin4:8"),
            Check::Shell("wget -q -O /dev/null http://127.0.0.1:80/misc/ping"),
        )
    };
    vec![database, page]
}

fn mongo(ports: &Ports, secrets: &Secrets) -> Vec<Service> {
    let password = secrets.database.reveal().to_owned();
    let database = Service {
        environment: vec![
            ("MONGO_INITDB_ROOT_USERNAME", USER.to_owned()),
            ("MONGO_INITDB_ROOT_PASSWORD", password.clone()),
            ("MONGO_INITDB_DATABASE", DATABASE_NAME.to_owned()),
        ],
        ports: vec![(ports.database, 27017)],
        volume: Some(("mongo-data", "/data/db")),
        ..service(
            "mongo",
            Source::Image("mongo:7"),
            Check::Shell("mongosh --quiet --eval \"db.adminCommand('ping').ok\" | grep -q 1"),
        )
    };
    let page = Service {
        environment: vec![
            (
                "ME_CONFIG_MONGODB_URL",
                format!("mongodb://{USER}:{password}@mongo:27017/"),
            ),
            ("ME_CONFIG_BASICAUTH_USERNAME", "admin".to_owned()),
            (
                "ME_CONFIG_BASICAUTH_PASSWORD",
                secrets.admin.reveal().to_owned(),
            ),
        ],
        ports: ports
            .admin_tool
            .map(|port| (port, 8081))
            .into_iter()
            .collect(),
        after: Some("mongo"),
        ..service(
            "mongo-express",
            Source::Image("mongo-express:1"),
            Check::Listens(8081),
        )
    };
    vec![database, page]
}

fn razor(ports: &Ports, secrets: &Secrets) -> Service {
    let connection = format!(
        "Server=db,1433;Database={DATABASE_NAME};User Id=sa;Password={};TrustServerCertificate=True",
        secrets.database.reveal()
    );
    Service {
        environment: vec![
            ("ASPNETCORE_URLS", "http://+:8080".to_owned()),
            ("ConnectionStrings__DefaultConnection", connection),
        ],
        ports: vec![(ports.api, 8080), (ports.frontend, 8443)],
        after: Some("db"),
        ..service("app", Source::Build("backend"), Check::Listens(8080))
    }
}

fn sql_server(ports: &Ports, secrets: &Secrets) -> Vec<Service> {
    let password = secrets.database.reveal().to_owned();
    vec![Service {
        environment: vec![
            ("ACCEPT_EULA", "Y".to_owned()),
            ("MSSQL_SA_PASSWORD", password.clone()),
            // What sqlcmd takes when no argument says it: arguments are seen by everybody.
            ("SQLCMDPASSWORD", password),
        ],
        ports: vec![(ports.database, 1433)],
        volume: Some(("mssql-data", "/var/opt/mssql")),
        // Less is refused by the server itself.
        least_memory_mb: 2_048,
        ..service(
            "db",
            Source::Image("mcr.microsoft.com/mssql/server:2022-latest"),
            Check::Shell("/opt/mssql-tools18/bin/sqlcmd -C -S localhost -U sa -Q 'SELECT 1' -b"),
        )
    }]
}

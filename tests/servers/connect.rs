//! Signing in, and what is said when it fails.

use std::time::Duration;

use insta::assert_snapshot;
use pgferry::database::{ChannelBinding, Endpoint, Port, Roots, SslMode, Via};
use pgferry::postgres::local::Cluster;
use pgferry::postgres::{Access, CertificateFault, ConnectFailure, Errand, Limits, Question, Session, connect};
use pgferry::secret::Secret;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::servers::{PASSWORD, chain, maintenance, open, own, run, script, shared};

async fn attempt(endpoint: &Endpoint) -> Result<Session, ConnectFailure> {
    connect(
        endpoint,
        &maintenance(),
        Errand::Preflight,
        Access::ReadOnly,
        Limits::BRIEF,
    )
    .await
    .map_err(|error| {
        assert!(
            !format!("{error:?} {}", chain(&error)).contains("quack"),
            "a password is told"
        );
        error.failure
    })
}

async fn told(endpoint: &Endpoint) -> String {
    let error = connect(
        endpoint,
        &maintenance(),
        Errand::Preflight,
        Access::ReadOnly,
        Limits::BRIEF,
    )
    .await
    .err()
    .expect("this cannot succeed");
    chain(&error).replace(&format!(":{}", endpoint.port), ":PORT")
}

async fn setting(session: &Session, name: &str) -> String {
    let sql = format!("select current_setting('{name}') as setting");
    let wanted = "a setting";
    let question = Question { wanted, sql: &sql };
    session
        .one(&question, |row| Ok(row.text("setting")?.to_owned()))
        .await
        .unwrap()
}

/// A certificate authority and a server with a certificate from it.
pub(crate) struct Secured {
    pub(crate) cluster: Cluster,
    pub(crate) authority: String,
}

pub(crate) async fn secured(major: u32, change: impl FnOnce(&mut CertificateParams)) -> Secured {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "a test authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &authority).unwrap();
    let cluster = with_certificate(major, &certificate.pem(), &key.serialize_pem()).await;
    Secured {
        cluster,
        authority: authority.pem(),
    }
}

async fn with_certificate(major: u32, certificate: &str, key: &str) -> Cluster {
    let cluster = own(major, &[]).await;
    cluster.place("server.crt", certificate).unwrap();
    cluster.place("server.key", key).unwrap();
    script(
        &cluster.endpoint().unwrap(),
        &maintenance(),
        "alter system set ssl = on",
    )
    .await;
    cluster.reload().await.unwrap();
    // A reload is a signal: the settings are in force once a new session can use them.
    let mut endpoint = cluster.endpoint().unwrap();
    endpoint.ssl_mode = SslMode::Require;
    while matches!(attempt(&endpoint).await, Err(ConnectFailure::NoTls)) {
        tokio::task::yield_now().await;
    }
    cluster
}

pub(crate) fn tls(endpoint: &Endpoint, ssl_mode: SslMode, roots: &str) -> Endpoint {
    Endpoint {
        ssl_mode,
        roots: Roots::Pem(roots.as_bytes().into()),
        ..endpoint.clone()
    }
}

#[tokio::test]
async fn a_session_reads_only_gives_up_on_locks_and_says_who_it_is() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let session = attempt(&endpoint).await.unwrap();
    assert_eq!(session.version().major(), 15);
    assert_eq!(setting(&session, "application_name").await, "pgferry preflight");
    assert_eq!(setting(&session, "statement_timeout").await, "1min");
    assert_eq!(setting(&session, "lock_timeout").await, "5s");
    let wanted = "nothing";
    let sql = "create table must_not_come_about ()";
    let refused = session.run(&Question { wanted, sql }).await.unwrap_err();
    assert_eq!(refused.failure.sqlstate(), Some("25006"));
}

#[tokio::test]
async fn what_is_said_when_signing_in_fails() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let wrong = Endpoint {
        password: Some(Secret::new("wrong")),
        ..endpoint.clone()
    };
    assert_snapshot!(told(&wrong).await, @r#"cannot connect to database `postgres` on 127.0.0.1:PORT as `postgres` (sslmode disable): the server refused: FATAL: password authentication failed for user "postgres" (SQLSTATE 28P01)"#);
    let none = Endpoint {
        password: None,
        ..endpoint.clone()
    };
    assert_snapshot!(told(&none).await, @r#"cannot connect to database `postgres` on 127.0.0.1:PORT as `postgres` (sslmode disable): the server wants a password, and none was given"#);
    let plain = Endpoint {
        ssl_mode: SslMode::Require,
        ..endpoint.clone()
    };
    assert_snapshot!(told(&plain).await, @r#"cannot connect to database `postgres` on 127.0.0.1:PORT as `postgres` (sslmode require): the server does not offer TLS"#);
    let nowhere = Endpoint {
        host: "no-such-host.invalid".parse().unwrap(),
        ..endpoint.clone()
    };
    assert!(matches!(
        attempt(&nowhere).await,
        Err(ConnectFailure::Unresolved { .. })
    ));
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = Endpoint {
        port: Port::new(closed).unwrap(),
        ..endpoint.clone()
    };
    assert_snapshot!(told(&closed).await, @r#"cannot connect to database `postgres` on 127.0.0.1:PORT as `postgres` (sslmode disable): nothing accepts connections on 127.0.0.1:PORT: Connection refused (os error 111)"#);
    let missing = "no_such_database".parse().unwrap();
    let error = connect(&endpoint, &missing, Errand::Verify, Access::ReadOnly, Limits::BRIEF)
        .await
        .err()
        .unwrap();
    assert_eq!(error.failure.sqlstate(), Some("3D000"));
}

#[tokio::test]
async fn a_server_that_accepts_and_stays_silent_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = Endpoint {
        port: Port::new(listener.local_addr().unwrap().port()).unwrap(),
        ..shared(15).await.endpoint().unwrap()
    };
    let limits = Limits {
        connect: Duration::from_millis(200),
        ..Limits::BRIEF
    };
    let error = connect(&endpoint, &maintenance(), Errand::Verify, Access::ReadOnly, limits)
        .await
        .err()
        .unwrap();
    assert!(matches!(error.failure, ConnectFailure::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_postgresql_server_is_told_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let web = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let endpoint = Endpoint {
        port: Port::new(port).unwrap(),
        ..shared(15).await.endpoint().unwrap()
    };
    let failure = attempt(&endpoint).await.err().unwrap();
    assert!(
        matches!(failure, ConnectFailure::Broken(_) | ConnectFailure::Strange(_)),
        "{failure:?}"
    );
    web.join().unwrap();
}

#[tokio::test]
async fn sslmodes_mean_what_libpq_means_by_them() {
    let server = secured(15, |_| {}).await;
    let endpoint = server.cluster.endpoint().unwrap();
    let other = secured(15, |_| {}).await.authority;

    for mode in [
        SslMode::Prefer,
        SslMode::Require,
        SslMode::VerifyCa,
        SslMode::VerifyFull,
    ] {
        let session = attempt(&tls(&endpoint, mode, &server.authority)).await.unwrap();
        let wanted = "how the session is encrypted";
        let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
        let encrypted = session
            .one(&Question { wanted, sql }, |row| row.flag("ssl"))
            .await
            .unwrap();
        assert!(encrypted, "{mode}");
    }
    // Anyone's certificate will do for `require`, a stranger's for nothing above it.
    attempt(&tls(&endpoint, SslMode::Require, &other)).await.unwrap();
    for mode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let failure = attempt(&tls(&endpoint, mode, &other)).await.err().unwrap();
        assert!(
            matches!(
                failure,
                ConnectFailure::Certificate {
                    fault: CertificateFault::Untrusted,
                    ..
                }
            ),
            "{failure:?}"
        );
    }
    let failure = attempt(&tls(&endpoint, SslMode::VerifyFull, "no certificate"))
        .await
        .err()
        .unwrap();
    assert!(matches!(failure, ConnectFailure::Roots(_)), "{failure:?}");

    // By way of a tunnel the certificate is still checked against the server's own name.
    let tunnelled = Endpoint {
        host: "database.example".parse().unwrap(),
        via: Some(Via {
            host: endpoint.host.clone(),
            port: endpoint.port,
        }),
        ..tls(&endpoint, SslMode::VerifyFull, &server.authority)
    };
    assert_snapshot!(told(&tunnelled).await, @r#"cannot connect to database `postgres` on database.example:PORT (by way of 127.0.0.1:PORT) as `postgres` (sslmode verify-full): the server's certificate was refused: it names another host among its alternative names, or none: invalid peer certificate: certificate not valid for name "database.example"; certificate is only valid for DnsName("localhost") or IpAddress(127.0.0.1)"#);
    let trusting = Endpoint {
        ssl_mode: SslMode::VerifyCa,
        ..tunnelled
    };
    attempt(&trusting).await.unwrap();
}

#[tokio::test]
async fn certificates_past_their_time_are_refused() {
    let server = secured(15, |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })
    .await;
    let endpoint = tls(
        &server.cluster.endpoint().unwrap(),
        SslMode::VerifyFull,
        &server.authority,
    );
    let failure = attempt(&endpoint).await.err().unwrap();
    assert!(
        matches!(
            failure,
            ConnectFailure::Certificate {
                fault: CertificateFault::Expired,
                ..
            }
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_self_signed_certificate_is_trusted_when_it_is_the_root_itself() {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    let cluster = with_certificate(15, &certificate, &key.serialize_pem()).await;
    let endpoint = cluster.endpoint().unwrap();
    attempt(&tls(&endpoint, SslMode::VerifyFull, &certificate))
        .await
        .unwrap();
}

#[tokio::test]
async fn passwords_are_proved_by_scram_with_channel_binding_and_by_md5() {
    let server = secured(15, |_| {}).await;
    let plain = server.cluster.endpoint().unwrap();
    let bound = Endpoint {
        channel_binding: ChannelBinding::Require,
        ..tls(&plain, SslMode::Require, &server.authority)
    };
    attempt(&bound).await.unwrap();
    let unbound = Endpoint {
        channel_binding: ChannelBinding::Require,
        ..plain.clone()
    };
    let failure = attempt(&unbound).await.err().unwrap();
    assert!(matches!(failure, ConnectFailure::NoChannelBinding), "{failure:?}");

    let session = open(&plain, &maintenance()).await;
    run(
        &session,
        "set password_encryption = 'md5'; create role elder login password 'quack'",
    )
    .await;
    server
        .cluster
        .place(
            "pg_hba.conf",
            "host all elder all md5\nhost all all all scram-sha-256\n",
        )
        .unwrap();
    server.cluster.reload().await.unwrap();
    let elder = Endpoint {
        user: "elder".parse().unwrap(),
        password: Some(Secret::new("quack")),
        ..plain
    };
    // Until the reload has come through, the server still wants a proof that an md5 hash cannot give.
    let signed_in = loop {
        match attempt(&elder).await {
            Err(ConnectFailure::Refused(_)) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    signed_in.unwrap();
    assert!(
        PASSWORD.contains("quack"),
        "the check for told passwords looks for this word"
    );
}

#[tokio::test]
async fn a_statement_nobody_waits_for_is_stopped_on_the_server() {
    let endpoint = shared(15).await.endpoint().unwrap();
    let session = open(&endpoint, &maintenance()).await;
    let observer = open(&endpoint, &maintenance()).await;
    let wanted = "a long wait";
    let sql = "select pg_sleep(600) as abandoned";
    let endless = Question { wanted, sql };
    let waiting = session.one(&endless, |_| Ok(()));
    let count = "select count(*) as n from pg_stat_activity where query like '%as abandoned' and state = 'active' and pid <> pg_backend_pid()";
    let running = async || -> i64 {
        let question = Question { wanted, sql: count };
        observer.one(&question, |row| row.number("n")).await.unwrap()
    };
    let begun = async {
        while running().await == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = waiting => panic!("ten minutes cannot have passed"),
        () = begun => {}
    }
    let ended = async {
        while running().await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended)
        .await
        .expect("the statement was cancelled");
}

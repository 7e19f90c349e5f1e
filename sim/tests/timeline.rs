//! The page that shows a run, in a headless Chromium that clicks through it.

#![expect(clippy::disallowed_methods, reason = "starts a browser, outside of every run")]

use rusm_core::{ChildSpec, Context, ExitReason, Message, Strategy, Supervisor, SupervisorSpec, Term};
use rusm_sim::suite::Suite;
use rusm_sim::timeline::page;
use rusm_sim::{Case, FaultKind, Outcome, Test};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

async fn echo(context: Context) {
    loop {
        if let Message::Call { from, payload } = context.receive().await {
            context.reply(from, payload);
        }
    }
}

/// A supervised echo that faults hit, a client that calls it, and a failure at the end.
fn scenario(test: &mut Test) {
    test.node("shop", |node| async move {
        let echo = ChildSpec::worker("echo", |context, _| echo(context));
        let spec = SupervisorSpec::new(Strategy::OneForOne).intensity(1000, Duration::from_secs(1));
        Supervisor::start(&node, spec.child(echo.name("echo"))).await;
    });
    test.faults([FaultKind::Kill, FaultKind::Crash, FaultKind::Pause]).fault_count(6..12);
    let calls = test.size("calls", 1..=60);
    test.script("client", move |sim| async move {
        for number in 0..calls {
            sim.sleep(Duration::from_millis(100)).await;
            let Some(node) = sim.node("shop") else { continue };
            let Some(echo) = node.whereis("echo") else { continue };
            if node.call(echo, Term::empty(), Duration::from_secs(1)).await.is_ok() {
                sim.record("answered", &number.to_string());
            }
        }
        while !sim.healed() {
            sim.sleep(Duration::from_millis(100)).await;
        }
        if let Some(node) = sim.node("shop") {
            node.whereis("echo").inspect(|echo| node.exit_signal(*echo, ExitReason::new("boom")));
            sim.sleep(Duration::from_millis(10)).await;
        }
        sim.fail(Outcome::broken("on-purpose", "to be shown </script> & <b>as it is</b>"));
    });
}

fn write_page(directory: &Path, calls: u64, script: &str) -> PathBuf {
    let suite = Suite::new("timeline", scenario);
    let case = Case { sizes: [("calls".to_owned(), calls)].into(), ..Case::of_seed(7) };
    let (report, log) = suite.record(&case);
    let page = page("timeline", "RUSM_SEED=7 cargo test timeline", &report, &log);
    let page = page.replace("</body>", &format!("<script>{script}</script></body>"));
    assert!(!page.contains("https://") && !page.contains("http://"), "the page asks the network for something");
    let file = directory.join("timeline.html");
    std::fs::write(&file, page).expect("a temporary directory");
    file
}

/// Opens a page, and returns it as its scripts have left it; `None`, and a word about it, without a Chromium.
fn open(page: &Path) -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    let Some(chromium) = found else {
        println!("left out: there is no Chromium on this machine (none of {names:?})");
        return None;
    };
    let profile = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"])
        .args(["--window-size=1400,900", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("Chromium runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Clicks through the page, and writes what it saw into an element of its own.
const CLICKS: &str = r##"
const seen = [];
const say = (what, value) => seen.push(`${what}=${value}`);
const byId = id => document.getElementById(id);
try {
  say("outcome", byId("outcome").textContent);
  byId("failure").click();
  say("failure", byId("about").textContent);
  say("causes", byId("causes").children.length);
  byId("causes").children[0]?.click();
  say("first-cause", byId("about").textContent);
  byId("next").click(); byId("previous").click();
  say("stepped", byId("where").textContent.length > 0);
  const filter = byId("filter");
  filter.value = "echo"; filter.dispatchEvent(new Event("input"));
  say("filtered", byId("status").textContent);
  filter.value = ""; filter.dispatchEvent(new Event("input"));
  say("all", byId("status").textContent);
  byId("scale").click(); say("scale", byId("scale").textContent); byId("scale").click();
  byId("in").click(); byId("out").click();
  byId("failure").click();
  paint(); paintOverview();
  const [px, py] = [x(data.failure), y(rowOf.get(events[data.failure].lane))];
  const at = (type, target) => target.dispatchEvent(new PointerEvent(type, { clientX: target.getBoundingClientRect().left + px, clientY: target.getBoundingClientRect().top + py, pointerId: 1, bubbles: true }));
  canvas.setPointerCapture = () => {};
  byId("causes").children[0]?.click(); byId("failure").click(); select(data.failure - 1, false);
  at("pointerdown", canvas); at("pointerup", canvas);
  say("clicked", byId("about").textContent);
  say("events", events.length);
  const before = performance.now(); for (let i = 0; i < 5; i++) { zoomBy(1 / 1.5, 600); paint(); } paintOverview();
  say("painted", performance.now() - before < 20000);
} catch (error) { say("error", error.stack); }
const result = document.createElement("pre"); result.id = "seen"; result.textContent = seen.join("\n"); document.body.append(result);
"##;

fn seen(dom: &str) -> &str {
    let start = dom.find("<pre id=\"seen\">").unwrap_or_else(|| panic!("the page's script did not run: {dom:.2000}"));
    let rest = &dom[start + "<pre id=\"seen\">".len()..];
    rest.split("</pre>").next().unwrap_or_default()
}

#[test]
fn the_page_shows_the_failure_and_what_led_to_it() {
    // It stays there, for people to look at.
    let Some(dom) = open(&write_page(Path::new(env!("CARGO_TARGET_TMPDIR")), 40, CLICKS)) else { return };
    let seen = seen(&dom);
    let value = |what: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{what} is not there: {seen}")).to_owned()
    };
    assert!(!seen.contains("error="), "{seen}");
    let failure = "property broken: on-purpose: to be shown &lt;/script&gt; &amp; &lt;b&gt;as it is&lt;/b&gt;";
    assert_eq!(value("outcome"), failure);
    assert_eq!(value("failure"), failure);
    assert_eq!(value("causes"), "10");
    assert_ne!(value("first-cause"), failure);
    assert_eq!(value("stepped"), "true");
    assert_ne!(value("filtered"), value("all"));
    assert_eq!(value("scale"), "Scale: time");
    assert_eq!(value("clicked"), failure, "a click on the failure selects it");
}

#[test]
fn the_page_works_with_fifty_thousand_events() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let suite = Suite::new("timeline", |test: &mut Test| {
        test.node("a", |node| async move {
            let sink =
                node.spawn(|context| async move { while matches!(context.receive().await, Message::Plain(_)) {} });
            for _ in 0..50 {
                node.spawn(move |context| async move {
                    for _ in 0..500 {
                        context.send(sink, Term::empty()).expect("a pid takes everything");
                        context.sleep(Duration::from_micros(50)).await;
                    }
                });
            }
        });
        test.script("client", |sim| async move {
            sim.sleep(Duration::from_secs(1)).await;
            sim.fail(Outcome::broken("on-purpose", ""));
        });
    });
    let (report, log) = suite.record(&Case::of_seed(7));
    let page = page("many", "", &report, &log).replace("</body>", &format!("<script>{CLICKS}</script></body>"));
    let file = directory.path().join("many.html");
    std::fs::write(&file, page).expect("a temporary directory");
    let Some(dom) = open(&file) else { return };
    let seen = seen(&dom);
    assert!(!seen.contains("error="), "{seen}");
    let events =
        seen.lines().find_map(|line| line.strip_prefix("events=")).and_then(|events| events.parse::<u64>().ok());
    assert!(events.is_some_and(|events| events > 50_000), "{seen}");
    assert!(seen.contains("painted=true"), "{seen}");
}

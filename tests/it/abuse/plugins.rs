//! Components that the sandbox does not take: its reason is told, and nothing is kept.

use super::{Target, is_told};
use anyhow::{Context as _, ensure};
use tests::client::Answer;
use tests::server::Kind;

/// An empty core module, and an empty component.
const CORE: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn is_refused(answer: &Answer, name: &str) -> anyhow::Result<()> {
    is_told(answer).with_context(|| name.to_owned())?;
    ensure!(answer.status == 422 && answer.code() == "plugin.refused", "{name}: {} {}", answer.status, answer.json);
    let detail = answer.json.get("detail").and_then(|detail| detail.as_str()).unwrap_or_default();
    ensure!(detail.len() > "The plugin is refused: ".len(), "{name}: no reason: {}", answer.json);
    Ok(())
}

#[test]
fn what_the_sandbox_refuses_is_told_with_its_reason() -> anyhow::Result<()> {
    let target = Target::new(Kind::Sqlite)?;
    let presence = std::fs::read(tests::built("SOPWITH_PLUGINS")?.join("presence.wasm"))?;
    let half = presence.get(..presence.len() / 2).unwrap_or_default().to_vec();
    let mut flipped = presence.clone();
    // In the middle of the code: what is left may or may not be valid, but it is another plugin under the same version.
    if let Some(byte) = flipped.get_mut(presence.len() / 3) {
        *byte ^= 0xff;
    }
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("garbage", b"garbage".repeat(1_000)),
        ("text of a module", b"(module)".to_vec()),
        ("a core module", CORE.to_vec()),
        ("an empty component", COMPONENT.to_vec()),
        ("half a component", half),
        ("a component with more behind it", [presence.as_slice(), b"more"].concat()),
        ("a section that claims all there is", [CORE, b"\x01\xff\xff\xff\xff\x0f"].concat()),
    ];
    for (number, (name, bytes)) in cases.into_iter().enumerate() {
        let check = target.anybody.request("POST", "/v1/plugins/check").bytes(bytes.clone(), "application/wasm");
        is_refused(&check.send()?, name)?;
        let upload = target.anybody.request("POST", "/v1/plugins").command(&format!("cmd_refused-{number}"));
        is_refused(&upload.bytes(bytes, "application/wasm").send()?, name)?;
    }
    let upload =
        target.anybody.request("POST", "/v1/plugins").command("cmd_flipped").bytes(flipped, "application/wasm");
    is_told(&upload.send()?)?;
    let kept = target.anybody.get("/v1/plugins")?.expect(200)?;
    let kept = kept.json.pointer("/items").and_then(|items| items.as_array()).map_or(0, Vec::len);
    ensure!(kept <= 1, "{kept} plugins were kept");
    target.lives()
}

// The rule `clock_skew` in plain JavaScript: the phone's wall clock disagrees with the time that can be known.
// It is the rule of the same name in plugins/presence, and runs over the very same case files.
import log from "sopwith:plugin/log@1.0.0";

const DEFAULT_MAX_SKEW_S = 120;
const WEIGHT = 15;

/** Findings of the rule; `input` is the JSON text described in engine/src/input.rs. */
function clockSkew(input) {
  const { config, submission } = JSON.parse(input);
  if (submission === null) {
    return [];
  }
  const maxSkewMs = (config.max_skew_s ?? DEFAULT_MAX_SKEW_S) * 1000;
  const { wall_ms: wall, received_ms: received, min_ms: min, max_ms: max, source } = submission.at;
  const known = source === "monotonic";
  const skewMs = known && wall > max ? wall - max : known && wall < min ? wall - min : wall > received ? wall - received : 0;
  if (Math.abs(skewMs) <= maxSkewMs) {
    return [];
  }
  log.write("debug", `wall clock off by ${skewMs} ms`);
  return [finding("presence.clock_skew", { skew_s: Math.round(skewMs / 1000) })];
}

function finding(code, params) {
  return { code, severity: "warning", pointer: "", params: JSON.stringify(params), weight: WEIGHT, evidence: [], ext: "" };
}

export const assess = {
  run(rule, input) {
    if (rule !== "clock_skew") {
      throw { code: "no_such_rule", message: `this plugin has no rule \`${rule}\``, retryable: false };
    }
    return clockSkew(input);
  },
};

export const manifest = {
  describe() {
    return JSON.stringify({
      plugin: "clock-skew",
      version: "1.0.0",
      title: { en: "Clock skew, in JavaScript", "zh-CN": "时钟偏差（JavaScript）" },
      datasets: [],
      rules: [
        {
          id: "clock_skew",
          interface: "assess",
          title: { en: "Phone clock is off", "zh-CN": "手机时钟不准" },
          description: {
            en: "The phone's wall clock is further from the known time than allowed.",
            "zh-CN": "手机时间与可信时间之差超过允许值。",
          },
          config: {
            type: "object",
            properties: { max_skew_s: { type: "number", minimum: 0, default: DEFAULT_MAX_SKEW_S } },
            additionalProperties: false,
          },
          needs: [],
          codes: [
            {
              code: "presence.clock_skew",
              message: { en: "The phone's clock is off by {skew_s} s.", "zh-CN": "手机时钟偏差 {skew_s} 秒。" },
            },
          ],
        },
      ],
    });
  },
};

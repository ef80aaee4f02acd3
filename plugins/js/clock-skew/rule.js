// The rule `clock_skew` in plain JavaScript: the phone's wall clock disagrees with the time that can be known.
// It is the rule of the same name in plugins/presence, and runs over the very same case files.
import log from "sopwith:plugin/log@1.0.0";

const DEFAULT_MAX_SKEW_S = 120;
const WEIGHT = 15;

/** Findings of the rule; `text` is the JSON of the rule's input, the same that a rule in Rust gets. */
function clockSkew(text) {
  const input = JSON.parse(text);
  const maxSkewS = input.config.max_skew_s ?? DEFAULT_MAX_SKEW_S;
  const offS = Math.max(0, ...moments(input).map(secondsOff));
  if (offS <= maxSkewS) {
    return [];
  }
  log.write("debug", `the phone's clock is ${offS} s off`);
  return [finding("presence.clock_skew", { minutes: round1(offS / 60) })];
}

/** The submission's moment or, for a rule over the whole visit, that of every accepted one and of the check-in. */
function moments({ submission, steps, visit }) {
  const all = submission ? [submission] : [...Object.values(steps), visit.check_in];
  return all.filter(Boolean).map(({ at }) => at);
}

/**
 * How far the wall clock is outside what is known; 0 where it may be right. Without the monotonic clock only "later than
 * received" is known.
 */
function secondsOff({ wall_ms: wall, received_ms: received, min_ms: min, max_ms: max, source }) {
  const [earliest, latest] = source === "monotonic" ? [min, Math.min(max, received)] : [-Infinity, received];
  return round1(Math.max(wall - latest, earliest - wall, 0) / 1000);
}

function round1(value) {
  return Math.round(value * 10) / 10;
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
      title: { en: "Clock skew, in JavaScript", "zh-CN": "手机时间（JavaScript）" },
      datasets: [],
      rules: [
        {
          id: "clock_skew",
          interface: "assess",
          title: { en: "Clock is off", "zh-CN": "手机时间不准" },
          description: {
            en: "Compares the phone's clock with the server's time where that is known, and with the time of receipt.",
            "zh-CN": "将手机时间与已知的服务器时间及接收时间比较。",
          },
          config: {
            type: "object",
            properties: { max_skew_s: { type: "number", minimum: 0, maximum: 86400, default: DEFAULT_MAX_SKEW_S } },
            additionalProperties: false,
          },
          needs: [{ need: "steps", availability: "device" }],
          codes: [
            {
              code: "presence.clock_skew",
              message: {
                en: "The phone's clock is {minutes} minutes off. Set it to automatic.",
                "zh-CN": "手机时间相差 {minutes} 分钟，请设为自动获取时间。",
              },
            },
          ],
        },
      ],
    });
  },
};

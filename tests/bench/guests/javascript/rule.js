// The rule `price` of plugins/fmcg in plain JavaScript, for the benchmark alone: same findings, same order.
// Amounts are whole numbers of ten-thousandths (BigInt), as the rule in Rust never uses a float for money either.
import { lookup } from "sopwith:plugin/dataset@1.0.0";

const SCALE = 10_000n;

/** A positive amount, `12` or `12.50`, in ten-thousandths; null for anything else. */
function parse(text) {
  const match = /^(\d{1,13})(?:\.(\d{1,4}))?$/.exec(text);
  if (match === null) {
    return null;
  }
  const amount = BigInt(match[1]) * SCALE + BigInt((match[2] ?? "").padEnd(4, "0"));
  return amount > 0n && amount <= 1_000_000_000_000n * SCALE ? amount : null;
}

const factor = (value) => BigInt(Math.round(value * 10_000));

/** To two decimals, half to even. */
function twoDecimals(numerator, denominator) {
  const scaled = numerator * 100n;
  let cents = scaled / denominator;
  const rest = (scaled % denominator) * 2n;
  if (rest > denominator || (rest === denominator && cents % 2n === 1n)) {
    cents += 1n;
  }
  const digits = cents.toString().padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function finding(severity, code, pointer, params, evidence = []) {
  return { code, severity, pointer, params: JSON.stringify(params), weight: 0, evidence, ext: "" };
}

function price(text) {
  const { config, submission } = JSON.parse(text);
  const { min_ratio: least = 0.5, max_ratio: most = 2, competitor_factor: far = 10, currency: expected = null } = config;
  const { currency = null, skus = [], competitors = [] } = submission.answers;
  const findings = [];
  if (expected !== null && currency !== null && expected !== currency) {
    findings.push(finding("error", "price.currency", "/currency", { expected, currency }));
  }
  const seen = new Set();
  const own = new Map();
  skus.forEach((sku, index) => {
    const at = `/skus/${index}`;
    const row = lookup("products", sku.gtin);
    if (row === undefined) {
      findings.push(finding("warning", "price.not_listed", `${at}/gtin`, { gtin: sku.gtin }));
      return;
    }
    const product = JSON.parse(row);
    if (seen.has(sku.gtin)) {
      findings.push(finding("error", "price.duplicate", `${at}/gtin`, { gtin: sku.gtin, name: product.name }));
    }
    seen.add(sku.gtin);
    const rrp = parse(product.rrp);
    if (rrp !== null && product.pack > 0) {
      const unit = rrp * SCALE / factor(product.pack);
      const [low, high] = own.get(product.unit) ?? [unit, unit];
      own.set(product.unit, [unit < low ? unit : low, unit > high ? unit : high]);
    }
    findings.push(...one(sku, product, rrp, at, submission.evidence, factor(least), factor(most)));
  });
  competitors.forEach((row, index) => findings.push(...competitor(row, own, factor(far), `/competitors/${index}`)));
  return findings;
}

function amount(text, name, pointer, findings) {
  if (text === undefined || text === null) {
    return null;
  }
  const value = parse(text);
  if (value === null) {
    findings.push(finding("error", "price.invalid_amount", pointer, { name, amount: text }));
  }
  return value;
}

function one(sku, product, rrp, at, evidence, least, most) {
  const findings = [];
  const shelf = amount(sku.shelf_price, product.name, `${at}/shelf_price`, findings);
  const promo = amount(sku.promo_price, product.name, `${at}/promo_price`, findings);
  if (shelf === null) {
    return findings;
  }
  if (rrp === null) {
    throw { code: "bad_row", message: `${sku.gtin}: rrp \`${product.rrp}\` is no amount`, retryable: false };
  }
  if (shelf * SCALE < least * rrp || shelf * SCALE > most * rrp) {
    const photos = evidence.filter(({ requirement }) => requirement === "price_tag").map(({ sha256 }) => sha256);
    const explained = (sku.reason ?? "").trim() !== "" && photos.length > 0;
    const params = {
      gtin: sku.gtin,
      name: product.name,
      shelf_price: twoDecimals(shelf, SCALE),
      rrp: twoDecimals(rrp, SCALE),
      ratio: twoDecimals(shelf, rrp),
    };
    findings.push(
      explained
        ? finding("warning", "price.unusual_explained", `${at}/shelf_price`, params, photos)
        : finding("error", "price.needs_reason_and_photo", `${at}/shelf_price`, params),
    );
  }
  if (promo !== null && promo > shelf) {
    const params = { name: product.name, promo_price: twoDecimals(promo, SCALE), shelf_price: twoDecimals(shelf, SCALE) };
    findings.push(finding("error", "price.promo_above_shelf", `${at}/promo_price`, params));
  }
  return findings;
}

function competitor(row, own, far, at) {
  const findings = [];
  const cost = amount(row.price, row.brand, `${at}/price`, findings);
  const given = row.pack !== undefined && row.pack !== null;
  if (given && !(row.pack > 0)) {
    findings.push(finding("error", "price.competitor_pack", `${at}/pack`, { name: row.brand }));
  }
  if (cost === null || !given || !(row.pack > 0) || !own.has(row.unit)) {
    return findings;
  }
  const pack = factor(row.pack);
  const unit = cost * SCALE / pack;
  const [low, high] = own.get(row.unit);
  if (unit * SCALE > high * far || unit * far < low * SCALE) {
    const piece = row.unit === "piece";
    const shown = twoDecimals(cost * (piece ? 1n : 100n), pack);
    const params = { name: row.brand, unit_price: shown, per: piece ? "1 piece" : `100 ${row.unit}` };
    findings.push(finding("warning", "price.competitor_unusual", `${at}/price`, params));
  }
  return findings;
}

export const validate = {
  run(rule, input) {
    if (rule !== "price") {
      throw { code: "no_such_rule", message: `this plugin has no rule \`${rule}\``, retryable: false };
    }
    return price(input);
  },
};

const CODES = [
  "price.needs_reason_and_photo", "price.unusual_explained", "price.promo_above_shelf", "price.invalid_amount",
  "price.not_listed", "price.duplicate", "price.competitor_pack", "price.competitor_unusual", "price.currency",
];

export const manifest = {
  describe() {
    return JSON.stringify({
      plugin: "price-js",
      version: "1.0.0",
      title: { en: "Shelf price, in JavaScript" },
      datasets: ["products"],
      rules: [
        {
          id: "price",
          interface: "validate",
          title: { en: "Shelf price" },
          description: { en: "As in plugins/fmcg." },
          config: { type: "object" },
          codes: CODES.map((code) => ({ code, message: { en: code } })),
        },
      ],
    });
  },
};

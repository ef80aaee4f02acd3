"""The rule `price` of plugins/fmcg in Python, for the benchmark alone: same findings, same order.

Amounts are whole numbers of ten-thousandths, as the rule in Rust never uses a float for money either.
"""

import json
import re

import wit_world.exports
from componentize_py_types import Err
from wit_world.imports import dataset
from wit_world.imports.types import Error, Finding

SCALE = 10_000
AMOUNT = re.compile(r"([0-9]{1,13})(?:\.([0-9]{1,4}))?")
CODES = [
    "price.needs_reason_and_photo", "price.unusual_explained", "price.promo_above_shelf", "price.invalid_amount",
    "price.not_listed", "price.duplicate", "price.competitor_pack", "price.competitor_unusual", "price.currency",
]


def parse(text):
    """A positive amount in ten-thousandths; None for anything else."""
    match = AMOUNT.fullmatch(text)
    if match is None:
        return None
    value = int(match[1]) * SCALE + int((match[2] or "").ljust(4, "0"))
    return value if 0 < value <= 1_000_000_000_000 * SCALE else None


def factor(value):
    return round(value * SCALE)


def two_decimals(numerator, denominator):
    """To two decimals, half to even."""
    cents, rest = divmod(numerator * 100, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and cents % 2 == 1):
        cents += 1
    return f"{cents // 100}.{cents % 100:02}"


def finding(severity, code, pointer, params, evidence=()):
    text = json.dumps(params, ensure_ascii=False)
    return Finding(
        code=code, severity=severity, pointer=pointer, params=text, weight=0, evidence=list(evidence), ext=""
    )


def price(text):
    whole = json.loads(text)
    config, submission = whole["config"], whole["submission"]
    least, most = factor(config.get("min_ratio", 0.5)), factor(config.get("max_ratio", 2.0))
    far, expected = factor(config.get("competitor_factor", 10.0)), config.get("currency")
    answers = submission["answers"]
    currency = answers.get("currency")
    findings = []
    if expected is not None and currency is not None and expected != currency:
        findings.append(
            finding("error", "price.currency", "/currency", {"expected": expected, "currency": currency})
        )
    seen, own = set(), {}
    for index, sku in enumerate(answers.get("skus", [])):
        at, gtin = f"/skus/{index}", sku["gtin"]
        row = dataset.lookup("products", gtin)
        if row is None:
            findings.append(finding("warning", "price.not_listed", f"{at}/gtin", {"gtin": gtin}))
            continue
        product = json.loads(row)
        if gtin in seen:
            params = {"gtin": gtin, "name": product["name"]}
            findings.append(finding("error", "price.duplicate", f"{at}/gtin", params))
        seen.add(gtin)
        rrp = parse(product["rrp"])
        if rrp is not None and product["pack"] > 0:
            unit = rrp * SCALE // factor(product["pack"])
            low, high = own.get(product["unit"], (unit, unit))
            own[product["unit"]] = (min(low, unit), max(high, unit))
        one(sku, product, rrp, at, submission["evidence"], least, most, findings)
    for index, row in enumerate(answers.get("competitors", [])):
        competitor(row, own, far, f"/competitors/{index}", findings)
    return findings


def amount(text, name, pointer, findings):
    if text is None:
        return None
    value = parse(text)
    if value is None:
        findings.append(finding("error", "price.invalid_amount", pointer, {"name": name, "amount": text}))
    return value


def one(sku, product, rrp, at, evidence, least, most, findings):
    name = product["name"]
    shelf = amount(sku.get("shelf_price"), name, f"{at}/shelf_price", findings)
    promo = amount(sku.get("promo_price"), name, f"{at}/promo_price", findings)
    if shelf is None:
        return
    if rrp is None:
        message = f"{sku['gtin']}: rrp `{product['rrp']}` is no amount"
        raise Err(Error(code="bad_row", message=message, retryable=False))
    if not least * rrp <= shelf * SCALE <= most * rrp:
        photos = [photo["sha256"] for photo in evidence if photo["requirement"] == "price_tag"]
        params = {
            "gtin": sku["gtin"], "name": name, "shelf_price": two_decimals(shelf, SCALE),
            "rrp": two_decimals(rrp, SCALE), "ratio": two_decimals(shelf, rrp),
        }
        if (sku.get("reason") or "").strip() and photos:
            findings.append(finding("warning", "price.unusual_explained", f"{at}/shelf_price", params, photos))
        else:
            findings.append(finding("error", "price.needs_reason_and_photo", f"{at}/shelf_price", params))
    if promo is not None and promo > shelf:
        params = {
            "name": name, "promo_price": two_decimals(promo, SCALE), "shelf_price": two_decimals(shelf, SCALE)
        }
        findings.append(finding("error", "price.promo_above_shelf", f"{at}/promo_price", params))


def competitor(row, own, far, at, findings):
    cost = amount(row.get("price"), row["brand"], f"{at}/price", findings)
    given = row.get("pack")
    if given is not None and given <= 0:
        findings.append(finding("error", "price.competitor_pack", f"{at}/pack", {"name": row["brand"]}))
    if cost is None or given is None or given <= 0 or row.get("unit") not in own:
        return
    pack = factor(given)
    unit = cost * SCALE // pack
    low, high = own[row["unit"]]
    if unit * SCALE > high * far or unit * far < low * SCALE:
        piece = row["unit"] == "piece"
        params = {
            "name": row["brand"], "unit_price": two_decimals(cost * (1 if piece else 100), pack),
            "per": "1 piece" if piece else f"100 {row['unit']}",
        }
        findings.append(finding("warning", "price.competitor_unusual", f"{at}/price", params))


class Validate(wit_world.exports.Validate):
    def run(self, rule, input):
        if rule != "price":
            message = f"this plugin has no rule `{rule}`"
            raise Err(Error(code="no_such_rule", message=message, retryable=False))
        return price(input)


class Manifest(wit_world.exports.Manifest):
    def describe(self):
        rule = {
            "id": "price", "interface": "validate", "title": {"en": "Shelf price"},
            "description": {"en": "As in plugins/fmcg."}, "config": {"type": "object"},
            "codes": [{"code": code, "message": {"en": code}} for code in CODES],
        }
        return json.dumps({
            "plugin": "price-py", "version": "1.0.0", "title": {"en": "Shelf price, in Python"},
            "datasets": ["products"], "rules": [rule],
        })

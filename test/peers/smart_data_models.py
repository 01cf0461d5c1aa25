"""
Holds entities against the Smart Data Models (pysmartdatamodels: every attribute of every model,
its type, its kind in NGSI-LD and its IRI) and expands them with a JSON-LD processor (pyld).
Reads one JSON list of {"short": entity, "full": entity} on standard input; prints a JSON list of
what is wrong, each a text.
"""

import gzip
import json
import sys
from importlib.util import find_spec
from pathlib import Path

from pyld import jsonld

ETSI = "https://uri.etsi.org/ngsi-ld/"

# Of the core context of ETSI GS CIM 009 annex B: the terms that entities here use.
CORE = {
    "@version": 1.1,
    "id": "@id",
    "type": "@type",
    "ngsi-ld": ETSI,
    "geojson": "https://purl.org/geojson/vocab#",
    "Property": ETSI + "Property",
    "GeoProperty": ETSI + "GeoProperty",
    "Relationship": ETSI + "Relationship",
    "Point": "geojson:Point",
    "coordinates": {"@container": "@list", "@id": "geojson:coordinates"},
    "value": ETSI + "hasValue",
    "object": {"@id": ETSI + "hasObject", "@type": "@id"},
    "unitCode": ETSI + "unitCode",
    "observedAt": {"@id": ETSI + "observedAt", "@type": "http://www.w3.org/2001/XMLSchema#dateTime"},
    "location": ETSI + "location",
    "status": ETSI + "status",
    "description": "http://purl.org/dc/terms/description",
    "@vocab": ETSI + "default-context/",
}

# Ours, beside those of the model.
OWN = {"quality"}
TYPES = {"number": (int, float), "string": str, "array": list, "object": dict, "boolean": bool}


def load():
    assets = Path(find_spec("pysmartdatamodels").origin).parent / "model-assets"
    with gzip.open(assets / "smartdatamodels.json.gz") as file:
        rows = json.load(file)
    models = {}
    for row in rows:
        if "parentId" in row or row["repoName"] == "dataModel.ZEB":
            continue
        # Schemas of geometries stand beside attributes of the same name, without a kind.
        known = models.setdefault(row["dataModel"], {}).setdefault(row["property"], row)
        if "typeNGSI" not in known:
            models[row["dataModel"]][row["property"]] = row
    with open(assets / "datamodels_metadata.json", encoding="utf-8") as file:
        needed = {row["dataModel"]: row.get("required", []) for row in json.load(file)}
    return models, needed


def problems_of(entity, models, needed):
    model = models.get(entity["type"])
    if model is None:
        yield "no such model"
        return
    for name in needed[entity["type"]]:
        if name not in entity:
            yield f"{name} is required"
    for name, attribute in entity.items():
        if name in ("id", "type") or name in OWN:
            continue
        row = model.get(name)
        if row is None:
            yield f"{name} is not in the model"
            continue
        if attribute["type"] != row["typeNGSI"]:
            yield f"{name} is a {row['typeNGSI']}"
        value = attribute["object" if attribute["type"] == "Relationship" else "value"]
        if not isinstance(value, TYPES[row["type"]]) or isinstance(value, bool):
            yield f"{name} is of type {row['type']}"
        for one in value if isinstance(value, list) else [value]:
            if "enum" in row and one not in row["enum"]:
                yield f"{name}: {one} is none of {row['enum']}"


def context_of(entity, models):
    """What a context of the model would say of the names in an entity."""
    model = models[entity["type"]]
    terms = {name: model[name]["context"] for name in entity if name in model}
    terms = {name: iri for name, iri in terms.items() if not iri.startswith("@")}
    unit = models["DeviceMeasurement"]["unit"]["context"]
    subject = model["id"]["repoName"]
    kind = {entity["type"]: f"https://smartdatamodels.org/{subject}/{entity['type']}"}
    return [{"unit": unit, **terms, **kind}, CORE]


def expanded(entity, context):
    return jsonld.expand({"@context": context, **entity})[0]


def main():
    models, needed = load()
    found = []
    for pair in json.load(sys.stdin):
        short, full = pair["short"], pair["full"]
        wrong = list(problems_of(short, models, needed))
        if not wrong:
            by_context = expanded(short, context_of(short, models))
            by_itself = expanded(full, CORE)
            if by_context != by_itself:
                wrong.append(f"{json.dumps(by_itself)} is not {json.dumps(by_context)}")
        found.extend(f"{short['id']}: {why}" for why in wrong)
    print(json.dumps(found))


main()

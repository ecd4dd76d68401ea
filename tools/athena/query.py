"""Runs Athena statements on a local archive, in DuckDB.

stdin: {"folder": folder in place of the bucket, "statements": [CREATE TABLE, SELECT, ...]}
stdout: JSON array with the rows of each SELECT, an object for each row.

The first statement defines the table. Its columns, its location and its partition projection
determine which objects are read, and as what. A statement that Athena cannot parse is an error.
"""

import json
import os
import sys

import duckdb
import sqlglot
from sqlglot import exp


def main() -> None:
    given = json.load(sys.stdin)
    create, *selects = [sqlglot.parse_one(statement, read="athena") for statement in given["statements"]]
    database = duckdb.connect()
    database.execute(view_of(create, given["folder"]))
    json.dump([rows(database, select.transform(decode_plus).sql("duckdb")) for select in selects], sys.stdout)


def decode_plus(node: exp.Expression) -> exp.Expression:
    """Athena's url_decode makes a space of a plus, like Java's URLDecoder. DuckDB's does not."""
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "url_decode":
        return node
    spaces = exp.func("replace", *node.expressions, exp.Literal.string("+"), exp.Literal.string(" "))
    return exp.Anonymous(this="url_decode", expressions=[spaces])


def view_of(create: exp.Create, folder: str) -> str:
    """A view with the columns and partitions of the table."""
    properties = create.args["properties"].expressions
    options = {p.this.name: p.args["value"].name for p in properties if type(p) is exp.Property}
    (location,) = [p.this.name for p in properties if isinstance(p, exp.LocationProperty)]
    ((partition,),) = [p.this.expressions for p in properties if isinstance(p, exp.PartitionedByProperty)]
    columns = {column.name: column.kind.sql("duckdb") for column in create.this.expressions}
    name = partition.name
    template = options["storage.location.template"]
    assert options["projection.enabled"] == "true", "partition projection is disabled"
    assert options[f"projection.{name}.format"] == "yyyy-MM-dd", "another format than in the keys"
    assert options[f"projection.{name}.range"].endswith(",NOW"), "the projection ends"
    assert template.startswith(location), "the partitions are outside the location"
    below = template.split("/", 3)[3]
    before, after = below.split("${" + name + "}")
    objects = os.path.join(folder, f"{before}*{after}*")
    first = options[f"projection.{name}.range"].split(",")[0]
    value = f"regexp_extract(filename, '{before}([^/]*){after}', 1)"
    return f"""
        CREATE VIEW {create.this.this.name} AS
        SELECT * EXCLUDE filename, {value} AS {name}
        FROM read_json('{objects}', format = 'newline_delimited', columns = {columns}, filename = true, hive_partitioning = false)
        WHERE {value} >= '{first}'
    """


def rows(database: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, object]]:
    result = database.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row)) for row in result.fetchall()]


main()

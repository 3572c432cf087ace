"""Runs statements by psycopg2: one JSON object a line in, one a line out. Its one argument is the database's URL."""

import datetime
import json
import sys

try:
    import psycopg2
    import psycopg2.extras
except ImportError:
    sys.exit("psycopg2 is not here: install python3-psycopg2 (Debian: apt-get install)")


def value_of(said):
    """As a Python program has it: an instant is a datetime, a body a dict or a list."""
    if not isinstance(said, dict):
        return said
    if "instant" in said:
        return datetime.datetime.fromisoformat(said["instant"].replace("Z", "+00:00"))
    return None if said["json"] is None else psycopg2.extras.Json(said["json"])


def text_of(value):
    return value.isoformat() if isinstance(value, datetime.datetime) else int(value)


def run(cursor, request):
    values = request.get("values")
    try:
        cursor.execute(request["sql"], values and {name: value_of(said) for name, said in values.items()})
        return dict(cursor.fetchone()) if values else {}
    except psycopg2.Error as error:
        return {"sqlState": error.pgcode, "message": error.diag.message_primary}


def main():
    connection = psycopg2.connect(sys.argv[1])
    connection.autocommit = True
    with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        for line in sys.stdin:
            print(json.dumps(run(cursor, json.loads(line)), default=text_of), flush=True)


main()

"""ClickHouse's HTTP interface in front of PyPI's `chdb`, as far as src/history/clickhouse uses it: for its test against a current engine.

Usage: chdb_server.py PORT     (listens on loopback; its data goes with the process)
"""
import os
import re
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

from chdb import session

SESSION = session.Session(tempfile.mkdtemp(dir="."))
INSERT = re.compile(r"INSERT INTO (\S+) \((.*)\) FORMAT RowBinary$")


def insert(statement, rows):
    """Rows come as RowBinary in the body; chdb reads them from a file, by the table's own types."""
    table, columns = INSERT.match(statement).groups()
    described = str(SESSION.query(f"DESCRIBE TABLE {table}", "TSV"))
    types = dict(line.split("\t")[:2] for line in described.splitlines())
    structure = ", ".join(f"{c} {types[c]}" for c in columns.split(", "))
    with tempfile.NamedTemporaryFile(dir=".", delete=False) as file:
        file.write(rows)
    SESSION.query(f"INSERT INTO {table} ({columns}) SELECT * FROM file('{os.path.abspath(file.name)}', 'RowBinary', '{structure}')")
    os.remove(file.name)
    return b""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        statement = parse_qs(urlparse(self.path).query).get("query", [None])[0]
        try:
            if statement:
                answer = insert(statement, body)
            else:
                question, wanted, _ = body.decode().partition(" FORMAT RowBinary")
                answer = SESSION.query(question, "RowBinary" if wanted else "CSV").bytes() or b""
            status = 200
        except Exception as e:  # noqa: BLE001: whatever the engine says goes to the caller, as ClickHouse does
            answer, status = str(e).encode(), 500
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

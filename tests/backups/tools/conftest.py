"""A small database with everything that dumps stumble over, keys, and the way from one to a stored copy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest

from audit.postgres.connect import ConnInfo
from backups.tools.encryption import Identity, Recipient, create_identity, load_identities, load_recipients
from backups.tools.finding import Tool, find_tool
from backups.tools.pg_dump import dump
from backups.tools.pipeline import Encoded, encode
from backups.tools.process import Child
from tests.conftest import MakeDatabase
from tovgov.binaries import binaries
from tovgov.embedded import Cluster

WORLD = '''
CREATE TABLE "Player One" (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), "e-mail" text, icon bytea, born date);
CREATE TABLE "semi;colon ""quoted""" (id serial PRIMARY KEY, player uuid REFERENCES "Player One", note text);
CREATE TABLE "😀 и ключ" (id bigint PRIMARY KEY, word text);
CREATE SCHEMA "TABLE DATA";
CREATE TABLE "TABLE DATA"."x y" (i int);
CREATE TYPE mood AS ENUM ('calm', 'glad');
CREATE VIEW calm AS SELECT word FROM "😀 и ключ";
CREATE FUNCTION twice(i int) RETURNS int LANGUAGE sql AS 'SELECT 2 * i';
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch();
COMMENT ON TABLE "Player One" IS 'people; invented';
INSERT INTO "Player One" (id, "e-mail", icon, born) SELECT gen_random_uuid(), 'p' || g || '@example.org',
    decode(md5(g::text), 'hex'), date '1990-01-01' + g FROM generate_series(1, 200) g;
INSERT INTO "semi;colon ""quoted""" (player, note) SELECT id, repeat('note ', 5) FROM "Player One";
INSERT INTO "😀 и ключ" SELECT g, md5(g::text) FROM generate_series(1, 500) g;
INSERT INTO "TABLE DATA"."x y" SELECT generate_series(1, 7);
SELECT lo_from_bytea(4242, 'a large object');
'''
ROWS = {'"Player One"': 200, '"semi;colon ""quoted"""': 200, '"😀 и ключ"': 500, '"TABLE DATA"."x y"': 7}


def fill_world(info: ConnInfo) -> None:
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(WORLD)  # type: ignore[arg-type]


def fill_bulk(info: ConnInfo) -> None:
    """Some 12 MB of text that compresses badly: several blocks and jobs of zstd, hundreds of chunks of age."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(
            "CREATE TABLE bulk AS SELECT g id, md5(g::text) || md5((g + 1)::text) AS text, repeat('calm ', 9) AS rest "
            "FROM generate_series(1, 100000) g"
        )


def counts(info: ConnInfo) -> dict[str, int]:
    """Rows of the world's tables."""
    with psycopg.connect(**info.keywords(), autocommit=True) as connection:  # type: ignore[arg-type]
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ROWS}  # type: ignore[call-overload, index]


def tool(name: str, cluster: Cluster) -> Tool:
    """The tool that came with the server."""
    return find_tool(name, cluster.major * 10_000, pg_bin=str(binaries(cluster.major)))


def shell(script: str, **more: object) -> Child:
    """A child that is a shell script: for what pg_dump would not do on demand."""
    return Child(["/bin/sh", "-c", script], environment=nullcontext({"PATH": "/usr/bin:/bin"}), **more)  # type: ignore[arg-type]


@pytest.fixture
def world(
    cluster: Cluster,
    make_database: MakeDatabase,
    template_database: Callable[[Cluster, str, Callable[[ConnInfo], None]], str],
) -> ConnInfo:
    return make_database(cluster, template=template_database(cluster, "tools_world", fill_world))


@pytest.fixture
def bulk(
    cluster: Cluster,
    make_database: MakeDatabase,
    template_database: Callable[[Cluster, str, Callable[[ConnInfo], None]], str],
) -> ConnInfo:
    return make_database(cluster, template=template_database(cluster, "tools_bulk", fill_bulk))


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "age.key"
    create_identity(path)
    return path


@pytest.fixture(scope="session")
def identities(key_file: Path) -> list[Identity]:
    return load_identities(key_file)


@pytest.fixture(scope="session")
def recipients(identities: list[Identity]) -> list[Recipient]:
    return load_recipients([str(identity.to_public()) for identity in identities])


def backup(info: ConnInfo, cluster: Cluster, path: Path, recipients: list[Recipient]) -> Encoded:
    """Dump ``info`` into ``path``."""
    with dump(info, tool("pg_dump", cluster)) as child:
        return encode(child, path, recipients=recipients)


def plain_archive(info: ConnInfo, cluster: Cluster, path: Path) -> Path:
    """Dump ``info`` as it comes out of pg_dump."""
    with dump(info, tool("pg_dump", cluster)) as child, path.open("wb") as file:
        shutil.copyfileobj(child.stdout, file)
        child.check()
    return path


def needs(command: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(command) is None, reason=f"{command} is not on this machine")


class FullDisk:
    """A small file system in memory that can be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def with_room(self, size: int) -> Path:
        """Leave about ``size`` bytes free, and return where to write them."""
        free = shutil.disk_usage(self.folder).free
        ballast = self.folder / "ballast"
        ballast.write_bytes(bytes(max(0, free - size)))
        inside = self.folder / "inside"
        inside.mkdir()
        return inside


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[FullDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    try:
        yield FullDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)

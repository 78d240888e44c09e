"""The faults. Each is on for as long as it is awaited, and over afterwards."""

import asyncio
import re
import time
from contextlib import suppress

from asyncpg import DeadlockDetectedError
from fleet import POISON

EVERY_SECONDS = 0.02
# Of what works just now; a connection that is idle is met by the next who takes it.
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM (
    SELECT pid FROM pg_stat_activity WHERE application_name = 'taggad' AND pid <> pg_backend_pid()
    ORDER BY state = 'idle', random() LIMIT 1) AS one
"""
# A disk that fills up is met in the middle of a statement, or when a transaction commits. A conflict is met there too.
FULL = """
CREATE FUNCTION fault_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF random() < 0.25 THEN
        RAISE EXCEPTION USING MESSAGE = 'a fault', ERRCODE = CASE WHEN random() < 0.5 THEN '53100' ELSE '40001' END;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fault_full AFTER INSERT ON ledger_leaf FOR EACH STATEMENT EXECUTE FUNCTION fault_full();
CREATE TRIGGER fault_full AFTER INSERT ON visit_change FOR EACH STATEMENT EXECUTE FUNCTION fault_full();
CREATE FUNCTION fault_full_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF hashtextextended(NEW.fact::text || pg_current_xact_id()::text, 0) % 8 = 0 THEN
        RAISE EXCEPTION USING MESSAGE = 'a fault', ERRCODE = CASE WHEN random() < 0.5 THEN '53100' ELSE '40001' END;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fault_full_late AFTER INSERT ON ledger_leaf DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fault_full_late();
"""
FREE = """
DROP TRIGGER fault_full ON ledger_leaf;
DROP TRIGGER fault_full ON visit_change;
DROP FUNCTION fault_full;
DROP FUNCTION fault_full_late CASCADE;
"""
# What nobody foresaw, and what one submission alone is to blame for.
POISONED = f"""
CREATE FUNCTION fault_poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.note = '{POISON}' THEN RAISE EXCEPTION USING MESSAGE = 'a fault', ERRCODE = 'XX001'; END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fault_poison AFTER INSERT ON tap DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fault_poison();
"""
CURED = "DROP FUNCTION fault_poison CASCADE;\n"
# What happens within a commit, or between what a sealer reads and writes, hardly ever happens where both take no time.
SLOW = """
CREATE FUNCTION fault_slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('fault.slow', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        PERFORM set_config('fault.slow', pg_current_xact_id()::text, true), pg_sleep(0.015);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER fault_slow AFTER INSERT ON ledger_leaf DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fault_slow();
CREATE FUNCTION fault_slow_tile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(random() * 0.3);
    RETURN NEW;
END $$;
CREATE TRIGGER fault_slow_tile BEFORE INSERT ON ledger_tile FOR EACH ROW EXECUTE FUNCTION fault_slow_tile();
"""
QUICK = "DROP FUNCTION fault_slow CASCADE;\nDROP FUNCTION fault_slow_tile CASCADE;\n"
# A sealer is slow for longer than others wait to look again. Whoever comes meanwhile is not, and overtakes if it can.
OVERTAKEN = """
CREATE FUNCTION fault_overtaken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(1.2 * pg_try_advisory_xact_lock(hashtext('fault'), NEW.municipality_id)::int);
    RETURN NEW;
END $$;
CREATE TRIGGER fault_overtaken BEFORE INSERT ON ledger_tile FOR EACH ROW EXECUTE FUNCTION fault_overtaken();
"""
IN_TURN = "DROP FUNCTION fault_overtaken CASCADE;\n"


class Faults:
    """What breaks the machines of a rig; `counts` are of the network, which tells them at the end."""

    def __init__(self, rig, counts):
        self.rig, self.counts = rig, counts

    async def _execute(self, statements):
        """Each by itself, so that it waits for one table alone; again where it met the service at two."""
        async with asyncio.timeout(60):
            while (owner := await self.rig.postgres.owner()) is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.1)
        try:
            for statement in re.split(r"(?<=;)\n(?=CREATE|DROP)", statements.strip()):
                while True:
                    with suppress(DeadlockDetectedError):
                        await owner.execute(statement)
                        break
        finally:
            await owner.close()

    async def terminate(self, seconds, every=EVERY_SECONDS):
        """End a connection that works, again and again."""
        owner = await self.rig.postgres.owner()
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            self.counts["backends terminated"] += await owner.fetchval(TERMINATE)
            await asyncio.sleep(every)
        await owner.close()

    async def kill_server(self, server):
        """Kill -9 of one of the two, and its start."""
        self.counts["servers killed"] += 1
        server.kill()
        await server.start(self.rig.postgres.url)

    async def restart_server(self, server):
        """It is asked to end, as by a new release, and does what it has begun."""
        self.counts["servers restarted"] += 1
        await server.end()
        await server.start(self.rig.postgres.url)

    async def kill_postgres(self):
        self.counts["postmasters killed"] += 1
        await self.rig.postgres.kill()

    async def freeze(self, seconds, times=1, pause=0.3):
        for _ in range(times):
            self.counts["freezes"] += 1
            with self.rig.postgres.frozen():
                await asyncio.sleep(seconds)
            await asyncio.sleep(pause)

    async def fill(self, seconds):
        """A disk that has room now and then."""
        self.counts["full disks"] += 1
        await self._execute(FULL)
        await asyncio.sleep(seconds)
        await self._execute(FREE)

    async def slow_down(self, seconds):
        """A disk that takes its time."""
        self.counts["slow disks"] += 1
        await self._execute(SLOW)
        await asyncio.sleep(seconds)
        await self._execute(QUICK)

    async def overtake(self, seconds):
        """Some sealers are slow, and nobody ends them."""
        self.counts["slow sealers"] += 1
        await self._execute(OVERTAKEN)
        await asyncio.sleep(seconds)
        await self._execute(IN_TURN)

    async def poison(self, seconds):
        """A tap that cannot be stored, for no reason that anybody knows."""
        self.counts["poisonings"] += 1
        await self._execute(POISONED)
        await asyncio.sleep(seconds)
        await self._execute(CURED)

    async def jump(self, server, off, seconds):
        """A machine's clock is set, and set back."""
        self.counts["clock jumps"] += 1
        server.set_clock(off)
        await asyncio.sleep(seconds)
        server.set_clock(0)

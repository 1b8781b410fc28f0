"""Schedules on a held clock: cron with duration, ranges, duration alone; what people stop stays stopped; restarts keep to the schedule."""
import calendar, json, time
from kit import Daemon, wait


def at(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S")) * 1000


WAITING = "stopped: waiting for next schedule."


class Clock:
    def __init__(self, d, start):
        self.d, self.now = d, at(start)
        d.ask("POST", "/$test/clock", {"hold": self.now})

    def to(self, text):
        """Goes on in steps of the patrol, which looks every second here; a rule that is told to stop needs the real world to do so."""
        end = at(text)
        while self.now < end:
            self.now = min(self.now + 60000 if end - self.now > 120000 else self.now + 1000, end)
            self.d.ask("POST", "/$test/clock", {"move": self.now})
            wait("no rule in between", 10, lambda: not [r for r in self.d.ask("GET", "/rules") if r["status"] in ("starting", "stopping")])


def state(d, rule):
    s = d.status(rule)
    return s["status"], s["message"]


def daemon():
    d = Daemon(args=["--test"], sets=["basic.timezone=UTC", "basic.rulePatrolInterval=1s"]).start()
    d.ask("POST", "/streams", {"sql": 'CREATE STREAM s () WITH (TYPE="simulator", EXTRA="{\\"interval\\":\\"1h\\",\\"loop\\":true,\\"data\\":[{\\"a\\":1}]}")'})
    return d


def rule(d, name, **options):
    d.rule(name, "SELECT * FROM s", {"nop": {}}, **options)


def test_cron():
    d = daemon()
    try:
        clock = Clock(d, "2026-07-15 14:47:30")
        rule(d, "hourly", cron="0 * * * *", duration="10m")
        assert state(d, "hourly") == ("running", "")  # at once, as with eKuiper
        assert d.status("hourly")["nextStartTimestamp"] == at("2026-07-15 15:00:00")
        clock.to("2026-07-15 14:47:32")
        assert state(d, "hourly") == (WAITING, "schedule terminated")
        clock.to("2026-07-15 14:59:59")
        assert state(d, "hourly")[0] == WAITING
        clock.to("2026-07-15 15:00:01")
        assert state(d, "hourly") == ("running", "")
        assert d.status("hourly")["lastStartTimestamp"] in (at("2026-07-15 15:00:00"), at("2026-07-15 15:00:01"))
        assert d.status("hourly")["nextStartTimestamp"] == at("2026-07-15 16:00:00")
        clock.to("2026-07-15 15:09:59")
        assert state(d, "hourly")[0] == "running"
        clock.to("2026-07-15 15:10:01")
        assert state(d, "hourly") == (WAITING, "schedule terminated")

        # stopped by hand: not revived; started by hand: runs, and the schedule goes on
        clock.to("2026-07-15 16:00:02")
        assert state(d, "hourly")[0] == "running"
        d.ask("POST", "/rules/hourly/stop")
        assert state(d, "hourly") == ("stopped", "canceled manually")
        clock.to("2026-07-15 17:05:00")
        assert state(d, "hourly") == ("stopped", "canceled manually")
        d.ask("POST", "/rules/hourly/start")
        assert state(d, "hourly")[0] == "running"
        clock.to("2026-07-15 17:10:01")
        assert state(d, "hourly")[0] == WAITING

        # another time zone: the next start follows
        rule(d, "daily", cron="0 0 * * *", duration="1h")
        assert d.status("daily")["nextStartTimestamp"] == at("2026-07-16 00:00:00")
        d.ask("PATCH", "/configs", {"timezone": "Asia/Tokyo"})
        assert d.status("daily")["nextStartTimestamp"] == at("2026-07-16 15:00:00")
        d.ask("PATCH", "/configs", {"timezone": "UTC"})

        # a schedule of seconds, and one that makes no sense: the rule runs on, the log says why
        rule(d, "quick", cron="*/20 * * * * *", duration="5s")
        clock.to("2026-07-15 17:10:07")
        assert state(d, "quick")[0] == WAITING
        clock.to("2026-07-15 17:10:21")
        assert state(d, "quick")[0] == "running"
        rule(d, "bad", cron="61 * * * *", duration="10m")
        clock.to("2026-07-15 17:10:23")
        assert state(d, "bad")[0] == "running"
        assert "field minute" in d.log() and d.status("bad")["nextStartTimestamp"] == 0
        d.stop()
    finally:
        d.close()


def test_ranges_and_duration():
    d = daemon()
    try:
        clock = Clock(d, "2026-07-15 10:00:00")
        day = [{"begin": "2026-07-15 12:00:00", "end": "2026-07-15 13:00:00"}, {"beginTimestamp": at("2026-07-15 14:00:00"), "endTimestamp": at("2026-07-15 14:30:00")}]
        rule(d, "ranges", cronDatetimeRange=day)
        rule(d, "both", cron="0,30 * * * *", duration="5m", cronDatetimeRange=day)
        rule(d, "once", duration="90s")
        rule(d, "plain")
        clock.to("2026-07-15 10:00:02")
        assert [state(d, r)[0] for r in ("ranges", "both", "once", "plain")] == [WAITING, WAITING, "running", "running"]
        assert d.status("both")["nextStartTimestamp"] == 0  # out of range
        clock.to("2026-07-15 10:01:35")
        assert state(d, "once") == ("stopped", "duration terminated")
        clock.to("2026-07-15 12:00:02")
        assert state(d, "ranges")[0] == "running" and state(d, "both")[0] == "running"
        assert d.status("both")["nextStartTimestamp"] == at("2026-07-15 12:30:00")
        clock.to("2026-07-15 12:05:02")
        assert state(d, "ranges")[0] == "running" and state(d, "both")[0] == WAITING
        clock.to("2026-07-15 13:00:02")
        assert state(d, "ranges") == (WAITING, "schedule terminated")
        clock.to("2026-07-15 14:00:02")
        assert state(d, "ranges")[0] == "running"
        assert state(d, "once")[0] == "stopped" and state(d, "plain")[0] == "running"
        status, text = d.call("POST", "/rules", {"id": "wrong", "sql": "SELECT * FROM s", "actions": [{"nop": {}}], "options": {
            "cronDatetimeRange": [{"begin": "2026-07-16 00:00:00", "end": "2026-07-15 00:00:00"}]}})
        assert status == 400 and "begin time shouldn't after end time" in json.loads(text)["message"], text
        d.stop()

        # in its next life a scheduled rule waits for the patrol, others start at once
        d.start()
        d.ask("POST", "/$test/clock", {"hold": at("2026-07-15 13:30:00")})
        assert state(d, "ranges")[0] == WAITING
        assert state(d, "plain")[0] == "running"
        d.stop()
    finally:
        d.close()

"""A Quart application that makes schedules and runs them: `hypercorn examples.quart_app:app`."""

from quart import Quart, request

from clockwright import embed
from clockwright.schedules.services import ScheduleServiceException

app = Quart(__name__)
schedules = embed.open("sqlite:///schedules.sqlite3")


@embed.job("remind")
async def remind(run: embed.RunContext, *, text: str):
    app.logger.info("reminder %s: %s", run.run_id, text)
    return {"said": text}


@app.before_serving
async def start():
    await schedules.start()


@app.after_serving
async def stop():
    await schedules.stop()


@app.post("/reminders")
async def add_reminder():
    asked = await request.get_json()
    config = {"schedule_type": "one_time", "scheduled_time": asked["at"]}
    return await schedules.add_schedule("remind", config, context_data={"text": asked["text"]}), 201


@app.get("/reminders/<uuid:schedule_id>/runs")
async def runs(schedule_id):
    return await schedules.runs(schedule_id)


@app.errorhandler(ScheduleServiceException)
async def refused(error):
    return {"error": error.message}, error.status_code

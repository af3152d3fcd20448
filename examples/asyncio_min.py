import asyncio

from clockwright import embed


@embed.job("greet")
async def greet(*, name: str):
    return f"hello {name}"


async def main():
    async with embed.open("sqlite:///schedules.sqlite3") as schedules:
        every_second = {"schedule_type": "interval", "interval_seconds": 1, "max_executions": 2}
        made = await schedules.add_schedule("greet", every_second, context_data={"name": "Ada"})
        await asyncio.sleep(3)
    for run in (await schedules.runs(made["schedule_id"]))["items"]:
        print(run["scheduled_for"], run["status"], run["result"])


asyncio.run(main())

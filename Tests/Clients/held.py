"""Invocations that last until a test lets them go on: for what is about several at a time, however slow the machine."""

import functools

from conftest import ROLE, SESSION, wait_until, zip_of

# What the code of such functions begins with; `held(event)` waits.
PYTHON = """
import json, time, urllib.request
def held(event):
    if "hold" not in event: return
    print("held", flush=True)
    while "go" not in json.load(urllib.request.urlopen(event["hold"]))["Tags"]: time.sleep(0.05)
"""
RUBY = """
def held(event)
  return unless event.key?('hold')
  puts 'held'
  $stdout.flush
  require 'json'
  require 'net/http'
  sleep 0.05 until JSON.parse(Net::HTTP.get(URI(event['hold'])))['Tags'].key?('go')
end
"""


@functools.cache
def inside(server):
    """Where functions reach the server."""
    client, name = server.client(), "says-where"
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({"app.py": "import os\ndef handler(e, c): return os.environ['AWS_ENDPOINT_URL']"})})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    found = client.invoke(FunctionName=name)["Payload"].read().decode().strip('"')
    client.delete_function(FunctionName=name)
    return found


class Held:
    """Has a function's invocations wait that are given its event, until it is over: `with Held(server, function) as held`."""

    def __init__(self, server, function):
        self.server, self.function, self.client = server, function, server.client()
        self.arn = self.client.get_function_configuration(FunctionName=function)["FunctionArn"]
        signer = SESSION.client(
            "lambda", endpoint_url=inside(server), region_name=server.credentials["region"],
            aws_access_key_id=server.credentials["access_key_id"],
            aws_secret_access_key=server.credentials["secret_access_key"])
        self.event = {"hold": signer.generate_presigned_url("list_tags", Params={"Resource": self.arn})}

    def wait(self, count):
        """Until so many invocations wait."""
        logs = self.server.client("logs")

        def enough():
            try:
                pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.function}")
                return sum("held" == event["message"].strip() for page in pages for event in page["events"]) >= count
            except logs.exceptions.ResourceNotFoundException:
                return False

        wait_until(enough, what=f"{count} invocations at a time")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.tag_resource(Resource=self.arn, Tags={"go": "now"})


def at_once(server, function, ask, count, pool):
    """What `ask` answers to so many invocations with an event, which all last until the last has begun."""
    with Held(server, function) as held:
        answers = [pool.submit(ask, held.event) for _ in range(count)]
        held.wait(count)
    return [answer.result() for answer in answers]

"""A crew of CrewAI with memory, by the tools of Honcho's own integration, honcho-crewai.

    pip install honcho-crewai
    OPENAI_API_KEY=… python crewai_memory.py "I am allergic to peanuts and I love hiking."
    OPENAI_API_KEY=… python crewai_memory.py "What could I take along as a snack?"

OPENAI_BASE_URL and MODEL choose another model. CREWAI_DISABLE_TELEMETRY=true keeps CrewAI from reporting its use.
honcho-crewai is licensed under AGPL-3.0-or-later. It also has a storage for CrewAI's `Memory`, which keeps vectors in
metadata: for those of CrewAI's default embedder, start the server with OMOIDE_MAX_METADATA_BYTES=131072.
"""

import os
import sys
from datetime import datetime

from crewai import LLM, Agent, Crew, Task
from honcho import Honcho
from honcho_crewai import HonchoDialecticTool, HonchoGetContextTool, HonchoSearchTool


def main(text: str) -> None:
    honcho = Honcho(base_url=os.environ.get("OMOIDE_URL", "http://localhost:8000"), workspace_id="crewai")
    user = honcho.peer("alice")
    assistant = honcho.peer("assistant", configuration={"observe_me": False})  # nothing is to be concluded about it
    session = honcho.session(f"talk-{datetime.now():%Y%m%d-%H%M%S}")
    session.add_messages([user.message(text)])
    friend = Agent(
        role="a helpful friend",
        goal="answer briefly, with what is known of the user",
        backstory="You remember what the user has said before; your tools look it up.",
        tools=[
            HonchoDialecticTool(honcho=honcho, session_id=session.id, peer_id=user.id),
            HonchoGetContextTool(honcho=honcho, session_id=session.id, peer_id=user.id),
            HonchoSearchTool(honcho=honcho, session_id=session.id),
        ],
        llm=LLM(model=os.environ.get("MODEL", "openai/gpt-5.4-mini"), base_url=os.environ.get("OPENAI_BASE_URL")),
    )
    task = Task(description=f"The user says: {text}", expected_output="a reply to the user", agent=friend)
    result = Crew(agents=[friend], tasks=[task]).kickoff()
    session.add_messages([assistant.message(result.raw)])
    print(result.raw)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])

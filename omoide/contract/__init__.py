"""From an OpenAPI 3.1 document to a running application.

This package is the engine of spec-first work. It loads and checks the document, writes models and Protocols from it
(`generate`), and at start-up compiles every operation into one function from request to response (`operation`), inside
Connexion's routing, security and error middlewares. It knows nothing of what the operations do.
"""

import warnings

# Connexion's package imports Starlette's test client, which warns about the HTTP library it finds. Nobody here uses it.
warnings.filterwarnings("ignore", message="Using `httpx` with `starlette.testclient`")

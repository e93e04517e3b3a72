"""How quick the service is: load on the real server, beside other models, against the machine."""

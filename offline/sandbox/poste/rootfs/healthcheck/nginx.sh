#!/bin/bash
# The HTTPS port accepts connections.
exec 3<>"/dev/tcp/127.0.0.1/$HTTPS_PORT"

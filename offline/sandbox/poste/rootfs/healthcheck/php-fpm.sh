#!/bin/sh
# The webmail is listening behind nginx.
exec test -S /run/php-fpm.sock

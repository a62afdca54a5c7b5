FLASK_APP=pyapp:create_app
